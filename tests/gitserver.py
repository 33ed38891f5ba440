"""A git server over HTTP that asks for a password, is slow, or hangs in the middle of a pack; standard library only.

It also gives out files of Git LFS: those in the folder ``lfs`` below its root, each named by its SHA-256.

Runs in a thread of the tests, or as a script on a machine: gitserver.py ROOT PORT USER:PASSWORD PAUSE HANG(0 or 1).
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


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
        if self.path.startswith("/lfs/"):
            self.give_out()
            return
        if self.server.authorization and self.headers.get("Authorization") != self.server.authorization:
            self.answer(401, [("WWW-Authenticate", 'Basic realm="git"')], b"")
            return
        time.sleep(self.server.pause)
        path, _, query = self.path.partition("?")
        if path.endswith("/info/lfs/objects/batch"):
            self.answer_lfs(json.loads(body))
            return
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

    def answer_lfs(self, question: dict[str, Any]) -> None:
        """Say where files can be had."""
        objects: list[dict[str, Any]] = []
        assert question["operation"] == "download"
        for name in ("Accept", "Content-Type"):
            assert self.headers[name].startswith("application/vnd.git-lfs+json"), self.headers[name]
        for each in question["objects"]:
            host = self.headers["Host"]
            found = {"href": f"http://{host}/lfs/{each['oid']}", "header": {"X-Token": "lfs-token"}}
            if (Path(self.server.root) / "lfs" / each["oid"]).exists():
                objects.append({**each, "actions": {"download": found}})
            else:
                objects.append({**each, "error": {"code": 404, "message": "Object does not exist"}})
        media = [("Content-Type", "application/vnd.git-lfs+json")]
        self.answer(200, media, json.dumps({"transfer": "basic", "objects": objects}).encode())

    def give_out(self) -> None:
        """Give out a file of Git LFS to those who show the token."""
        right = self.headers.get("X-Token") == "lfs-token" and not self.headers.get("Authorization")
        content = (Path(self.server.root) / self.path.removeprefix("/")).read_bytes() if right else b""
        self.answer(200 if right else 403, [], content)

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
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()


if __name__ == "__main__":
    Server(sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4]), sys.argv[5] == "1").serve_forever()
