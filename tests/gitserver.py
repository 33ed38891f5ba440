"""A git server over HTTP that asks for a password, is slow, or hangs in the middle of a pack; standard library only.

Runs in a thread of the tests, or as a script on a machine: gitserver.py ROOT PORT USER:PASSWORD PAUSE HANG(0 or 1).
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Serves the bare repositories below a folder."""

    daemon_threads = True

    def __init__(self, root: str, port: int, credentials: str, pause: float, hang: bool) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.root, self.pause, self.hang = root, pause, hang
        self.authorization = "Basic " + base64.b64encode(credentials.encode()).decode() if credentials else ""
        self.asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    """One request, answered by git's own CGI program."""

    server: Server

    def do_GET(self) -> None:
        """Answer."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append(body.decode("latin-1"))
        if self.server.authorization and self.headers.get("Authorization") != self.server.authorization:
            self.answer(401, [("WWW-Authenticate", 'Basic realm="git"')], b"")
            return
        time.sleep(self.server.pause)
        path, _, query = self.path.partition("?")
        given = {
            "GIT_PROJECT_ROOT": self.server.root,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "PATH": os.environ["PATH"],
        }
        said = subprocess.run(["git", "http-backend"], input=body, env=given, stdout=subprocess.PIPE, check=True).stdout
        head, _, rest = said.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.answer(int(headers.pop("Status", "200").split()[0]), list(headers.items()), rest)

    do_POST = do_GET

    def answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Send an answer; a pack stops half way where the server hangs."""
        self.send_response(status)
        for name, value in [*headers, ("Content-Length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        if self.server.hang and b"packfile\n" in body:
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            time.sleep(600)
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving(root: str, credentials: str = "", pause: float = 0, hang: bool = False) -> Iterator[Server]:
    """A server in a thread."""
    server = Server(root, 0, credentials, pause, hang)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()


if __name__ == "__main__":
    Server(sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4]), sys.argv[5] == "1").serve_forever()
