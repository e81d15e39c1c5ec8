# SPDX-License-Identifier: Apache-2.0
"""A proxy that answers CONNECT as it should not.

bad_proxy.py HOW LOG    HOW: a file with a word, read for each connection; LOG: a line for each

Its port is its first line of output. Words: endless (a head without an end), interim
(1xx lines for ever), body (200 with a body), challenge (407), redirect (302), nul, early
(bytes before the server has said any), half (closes its side), silent, slow (a byte a
second), teapot (plain text in place of TLS), inspect (TLS under an authority of its own),
turns (every second one is refused); anything else: carried as it should be.
"""
import os
import select
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

MOST = 64 * 1024 * 1024
count = 0


def pour(client, piece, pause=0.0):
    sent = 0
    while sent < MOST:
        client.sendall(piece)
        sent += len(piece)
        time.sleep(pause)


def inspect(client):
    folder = tempfile.mkdtemp()
    key, cert = os.path.join(folder, "key"), os.path.join(folder, "crt")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=inspector", "-addext", "subjectAltName=IP:10.77.0.1", "-days", "2",
                    "-keyout", key, "-out", cert], check=True, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.wrap_socket(client, server_side=True).recv(1)


def join(client, target):
    host, port = target.rsplit(":", 1)
    with socket.create_connection((host.strip("[]"), int(port))) as server:
        while True:
            for one in select.select([client, server], [], [])[0]:
                piece = one.recv(65536)
                if not piece:
                    return
                (server if one is client else client).sendall(piece)


def misbehave(client, how, target):
    ok = b"HTTP/1.1 200 OK\r\n\r\n"
    if how == "endless":
        pour(client, b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"a" * 60000 + b"\r\n")
    elif how == "interim":
        pour(client, b"HTTP/1.1 100 Continue\r\n\r\n", 0.001)
    elif how == "body":
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<html>hi\n")
        join(client, target)
    elif how == "challenge":
        client.sendall(b"HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\nProxy-Authenticate: Digest x\r\n\r\n")
    elif how == "redirect":
        client.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://login.example.org/\r\n\r\n")
    elif how == "nul":
        client.sendall(b"HTTP/1.1 2\x0000 \x00\r\n\x00\r\n\r\n")
    elif how == "early":
        client.sendall(ok + b"\x15\x03\x03\x00\x02\x02\x28")
    elif how == "half":
        client.shutdown(socket.SHUT_WR)
        time.sleep(20)
    elif how == "silent":
        time.sleep(40)
    elif how == "slow":
        for byte in ok * 3:
            client.sendall(bytes([byte]))
            time.sleep(1)
    elif how == "teapot":
        client.sendall(ok + b"HTTP/1.1 418 I'm a teapot\r\n\r\n")
    elif how == "inspect":
        client.sendall(ok)
        inspect(client)
    else:
        client.sendall(ok)
        join(client, target)


def serve(client):
    global count
    try:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = client.recv(4096)
            if not piece:
                return
            head += piece
        with open(sys.argv[1]) as file:
            how = file.read().strip()
        with open(sys.argv[2], "a") as file:
            file.write(f"{time.time():.3f} {how}\n")
        count += 1
        if how == "turns" and count % 2:
            client.sendall(b"HTTP/1.1 503 Busy\r\n\r\n")
        else:
            misbehave(client, how, head.split()[1].decode())
    except OSError:
        pass
    finally:
        client.close()


listener = socket.create_server(("127.0.0.1", 0), backlog=100)
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
