# SPDX-License-Identifier: Apache-2.0
"""Stands between two programs: a proxy for CONNECT, or a relay to one address.

relay.py proxy LOG [USER:PASSWORD]    answers CONNECT, one line of LOG for each
relay.py relay TARGET WEATHER         carries bytes to HOST:PORT

Its port is its first line of output. WEATHER is a file that is read for each
piece that comes from the target: empty or missing: it is carried; "cut N": a
connection is reset after it has carried N bytes; "end N": it ends as if all had
been said; "trickle N": N bytes each 50 ms; "hole": nothing is carried, nothing is
closed.
"""
import base64
import select
import socket
import struct
import sys
import threading
import time


def weather(path):
    try:
        with open(path) as file:
            words = file.read().split()
    except OSError:
        words = []
    return (words + ["", "0"])[0], int((words + ["", "0"])[1] if len(words) > 1 else 0)


def reset(one):
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()


def give_on(piece, carried, client, path):
    """True while the connection lives."""
    while path and piece:
        what, number = weather(path)
        if what == "hole":
            time.sleep(0.05)
        elif what in ("cut", "end") and carried + len(piece) > number:
            client.sendall(piece[: max(number - carried, 0)])
            time.sleep(0.05)
            if what == "cut":
                reset(client)
            return False
        elif what == "trickle":
            client.sendall(piece[:number])
            piece = piece[number:]
            carried += number
            time.sleep(0.05)
        else:
            break
    client.sendall(piece)
    return True


def join(client, server, path=None):
    carried = 0
    try:
        while True:
            for one in select.select([client, server], [], [])[0]:
                piece = one.recv(16384)
                if not piece:
                    return
                if one is client:
                    server.sendall(piece)
                elif not give_on(piece, carried, client, path):
                    return
                else:
                    carried += len(piece)
    except OSError:
        pass
    finally:
        client.close()
        server.close()


def serve_proxy(client, log, user):
    head = b""
    while b"\r\n\r\n" not in head:
        piece = client.recv(4096)
        if not piece:
            return
        head += piece
    lines = head.decode().split("\r\n")
    target = lines[0].split()[1]
    wanted = "Proxy-Authorization: Basic " + base64.b64encode(user.encode()).decode()
    good = not user or wanted in lines
    with open(log, "a") as file:
        file.write(f"{lines[0]} {'let through' if good else 'refused'}\n")
    if not good:
        client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                       b"Proxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n")
        client.close()
        return
    host, port = target.rsplit(":", 1)
    try:
        server = socket.create_connection((host.strip("[]"), int(port)))
    except OSError:
        client.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
        client.close()
        return
    # In two pieces, as a slow one does.
    client.sendall(b"HTTP/1.1 200 Connection est")
    time.sleep(0.02)
    client.sendall(b"ablished\r\n\r\n")
    join(client, server)


def serve_relay(client, target, path):
    host, port = target.rsplit(":", 1)
    join(client, socket.create_connection((host.strip("[]"), int(port))), path)


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        client, _ = listener.accept()
        if sys.argv[1] == "proxy":
            arguments = (client, sys.argv[2], (sys.argv + [""])[3])
            threading.Thread(target=serve_proxy, args=arguments, daemon=True).start()
        else:
            arguments = (client, sys.argv[2], sys.argv[3])
            threading.Thread(target=serve_relay, args=arguments, daemon=True).start()


main()
