# SPDX-License-Identifier: Apache-2.0
"""A hub that lies: TLS under the hub's own authority, before the real one.

liar.py HUB PKI SPOKE RULES LOG    HUB: HOST:PORT; PKI: the hub's pki folder;
                                   SPOKE: the spoke's pki folder

Its port is its first line of output. What no rule takes is carried to the hub with
the spoke's certificate. RULES is read for each request, one JSON list of
{"request": REGEX of "METHOD TARGET", "status": 200, "type": …, "headers": {…},
"body": TEXT, "how": …}; the first that fits answers. `how`: "endless" (the body again and
again), "trickle" (a byte a second), "raw" (the body is the whole answer), "close"
(no answer), "held" (the body, and then nothing more). LOG gets a line for each request.
"""
import json
import os
import re
import select
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

hub, pki, spoke, rules, log = sys.argv[1:]
MOST_BYTES = 200 * 1024 * 1024


def make_certificate():
    folder = tempfile.mkdtemp()
    key, request, cert, extra = (os.path.join(folder, name) for name in ("key", "csr", "crt", "ext"))
    with open(extra, "w") as file:
        file.write("subjectAltName=IP:127.0.0.1\n")
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=hub", "-keyout", key, "-out", request], **quiet)
    subprocess.run(["openssl", "x509", "-req", "-in", request, "-CA", pki + "/ca.crt", "-CAkey",
                    pki + "/ca.key", "-set_serial", "77", "-days", "2", "-extfile", extra, "-out", cert],
                   **quiet)
    with open(pki + "/ca.crt") as authority, open(cert, "a") as chain:
        chain.write(authority.read())
    return cert, key


def rule_for(request):
    try:
        with open(rules) as file:
            known = json.load(file)
    except (OSError, ValueError):
        known = []
    return next((one for one in known if re.search(one["request"], request)), None)


def read_request(client):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(65536)
        if not piece:
            return None
        data += piece
    head, body = data.split(b"\r\n\r\n", 1)
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    while length and len(body) < int(length.group(1)):
        body += client.recv(65536)
    return head, body


def answer(client, rule):
    body = rule.get("body", "")
    body = (body if isinstance(body, str) else json.dumps(body) + "\n").encode()
    how = rule.get("how", "")
    if how == "close":
        return
    if how == "raw":
        client.sendall(body)
        return
    head = f"HTTP/1.1 {rule.get('status', 200)} X\r\nContent-Type: {rule.get('type', 'application/json')}\r\n"
    for name, value in rule.get("headers", {}).items():
        head += f"{name}: {value}\r\n"
    if not how:
        head += f"Content-Length: {len(body)}\r\n"
    client.sendall(head.encode() + b"Connection: close\r\n\r\n")
    sent = 0
    while how == "endless" and sent < MOST_BYTES:
        client.sendall(body)
        sent += len(body)
    if how == "trickle":
        for byte in body * 1000:
            client.sendall(bytes([byte]))
            time.sleep(1)
    elif how != "endless":
        client.sendall(body)
    while how == "held" and client.recv(1000):
        pass


def carry(client, head, body):
    context = ssl.create_default_context(cafile=pki + "/ca.crt")
    context.check_hostname = False
    if b"\r\nauthorization:" not in head.lower() and os.path.exists(spoke + "/client.crt"):
        context.load_cert_chain(spoke + "/client.crt", spoke + "/client.key")
    host, port = hub.rsplit(":", 1)
    with context.wrap_socket(socket.create_connection((host.strip("[]"), int(port)))) as server:
        server.sendall(head + b"\r\nConnection: close\r\n\r\n" + body)
        while True:
            # Who asked may hang up, as at the end of a watch.
            if not server.pending() and client in select.select([server, client], [], [])[0]:
                return
            piece = server.recv(65536)
            if not piece:
                return
            client.sendall(piece)


def serve(raw, context):
    try:
        with context.wrap_socket(raw, server_side=True) as client:
            request = read_request(client)
            if not request:
                return
            words = request[0].split(b"\r\n")[0].decode().rsplit(" ", 1)[0]
            rule = rule_for(words)
            with open(log, "a") as file:
                file.write(f"{time.time():.3f} {words}{' LIE' if rule else ''}\n")
            if rule:
                answer(client, rule)
            else:
                carry(client, *request)
    except OSError:
        pass


def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*make_certificate())
    listener = socket.create_server(("127.0.0.1", 0), backlog=100)
    print(listener.getsockname()[1], flush=True)
    while True:
        raw, _ = listener.accept()
        threading.Thread(target=serve, args=(raw, context), daemon=True).start()


main()
