#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads the text in a picture with Tesseract's LSTM model, over HTTP.

POST an image (PNG, JPEG, TIFF, PNM, ...) to / and get its text back:

    curl --data-binary @receipt.png http://HOST:PORT/

?lang=deu asks for another installed language, ?psm=6 for another page layout.
GET /healthz says whether Tesseract and its model are there.
"""
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

LANGUAGE = os.environ.get("OCR_LANG", "eng")
PORT = int(os.environ.get("PORT", "8080"))
MOST_BYTES = 20 << 20
SECONDS = 60
# Tesseract takes a whole core; more at once only make all of them slower.
SLOTS = threading.Semaphore(max(1, os.cpu_count() or 1))


class Refused(Exception):
    def __init__(self, status, words):
        super().__init__(words)
        self.status = status


def languages():
    listed = subprocess.run(["tesseract", "--list-langs"], capture_output=True,
                            text=True, timeout=10, check=True)
    return {line.strip() for line in listed.stdout.splitlines()[1:]}


def is_word(text, extra=""):
    return text and len(text) < 64 and all(
        c.isascii() and (c.isalnum() or c in extra) for c in text)


def read_text(image, language, layout):
    environment = dict(os.environ, OMP_THREAD_LIMIT="1")
    with SLOTS:
        done = subprocess.run(
            ["tesseract", "stdin", "stdout", "--oem", "1", "-l", language,
             "--psm", layout],
            input=image, capture_output=True, timeout=SECONDS,
            env=environment, check=False)
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip()
        raise Refused(422, "Tesseract could not read this: " + words[-500:])
    return done.stdout.replace(b"\f", b"")


class Handler(BaseHTTPRequestHandler):
    server_version = "axle-ocr"
    protocol_version = "HTTP/1.1"
    timeout = 30

    def answer(self, status, body):
        if isinstance(body, str):
            body = (body + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if status >= 400:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        if urlsplit(self.path).path != "/healthz":
            self.answer(200, __doc__.strip())
            return
        try:
            missing = set(LANGUAGE.split("+")) - languages()
        except (OSError, subprocess.SubprocessError) as wrong:
            self.answer(503, f"tesseract does not run: {wrong}")
            return
        if missing:
            self.answer(503, "no model for: " + ", ".join(sorted(missing)))
        else:
            self.answer(200, "ok")

    do_HEAD = do_GET

    def read_image(self):
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            raise Refused(411, "send the image with a Content-Length") from None
        if length <= 0:
            raise Refused(400, "the body is empty; send an image")
        if length > MOST_BYTES:
            raise Refused(413, f"an image may have {MOST_BYTES} bytes")
        image = self.rfile.read(length)
        if len(image) < length:
            raise Refused(400, "the image was cut off")
        return image

    def do_POST(self):
        query = parse_qs(urlsplit(self.path).query)
        language = query.get("lang", [LANGUAGE])[0]
        layout = query.get("psm", ["3"])[0]
        try:
            if not is_word(language, "+_") or not is_word(layout):
                raise Refused(400, "lang and psm are single words")
            self.answer(200, read_text(self.read_image(), language, layout))
        except Refused as wrong:
            self.answer(wrong.status, str(wrong))
        except subprocess.TimeoutExpired:
            self.answer(504, f"reading took longer than {SECONDS} s")
        except OSError as wrong:
            self.answer(503, f"tesseract does not run: {wrong}")

    def log_message(self, form, *words):
        print(self.address_string(), form % words, flush=True)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


if __name__ == "__main__":
    try:
        server = Server(("", PORT), Handler)
    except OSError as wrong:
        sys.exit(f"cannot listen on port {PORT}: {wrong.strerror}")
    print(f"reading {LANGUAGE} on port {server.server_port}", flush=True)
    server.serve_forever()
