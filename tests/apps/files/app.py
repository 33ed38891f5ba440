"""A web app without dependencies: pages of all kinds for a proxy to compress or not, and uploads into $DATA_DIR/media."""

import gzip
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MARKER = (Path(__file__).parent / "marker").read_text().strip()
MEDIA = Path(os.environ["DATA_DIR"], "media")
PAGE = f"{MARKER}\n{'<p>a paragraph like any other</p>' * 300}\n".encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path in ("/stream", "/events"):
            self.stream("text/event-stream" if path == "/events" else "text/plain")
        elif path == "/echo":
            self.echo()
        elif path == "/compressed":
            self.send("text/html", gzip.compress(PAGE), {"Content-Encoding": "gzip"})
        elif path == "/image":
            self.send("image/png", PAGE)
        elif path == "/part":
            self.send("text/plain", PAGE[:5000], {"Content-Range": f"bytes 0-4999/{len(PAGE)}"}, 206)
        elif path in ("/", "/healthz"):
            self.send("text/html; charset=utf-8", PAGE)
        else:
            self.send("text/plain", f"the app has no {self.path}\n".encode(), status=404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        MEDIA.mkdir(exist_ok=True)
        (MEDIA / self.path.rpartition("/")[2]).write_bytes(body)
        self.send("text/plain", b"stored\n")

    def stream(self, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(3):
            text = f"data: {number} {time.time()}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
            self.wfile.flush()
            time.sleep(0.5)
        self.wfile.write(b"0\r\n\r\n")

    def echo(self):
        """What a WebSocket begins with; then everything goes back as it came."""
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.end_headers()
        self.close_connection = True
        while got := self.connection.recv(100):
            self.connection.sendall(got)

    def send(self, kind, body, headers=None, status=200):
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
