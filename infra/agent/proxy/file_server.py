"""Serves the files below ``$DATA_DIR`` that the settings make public, with nothing but the rights of their own app.

The app writes these files at any moment, so they are not copied; and it can put anything in their place: links to what
only the proxy may read, pipes that keep a reader waiting. So not the proxy opens them but this program: it runs as the
app's user in a sandbox, follows no link out of the folder and opens regular files only. systemd listens on its socket
(root's, open to the proxy alone) and starts it when the first request comes; it ends after a while without any. So no
other app can take its place, and it takes no memory where nobody asks.

Uploads come from strangers. What a browser would run in the name of the app's site (HTML, SVG, scripts) is only
downloaded, and no browser guesses a type.
"""

from __future__ import annotations

import contextlib
import email.utils
import json
import mimetypes
import os
import re
import socket
import socketserver
import stat
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from infra.agent.system import paths
from infra.agent.system.failure import Failure

SOCKET = 3
"""The socket that systemd passes. Source: sd_listen_fds(3)."""
IDLE = 60.0
"""Seconds without a request after which the program ends."""
SLOWEST = 60.0
"""Seconds that a client may take nothing of a file that it asked for."""
SLOT = "Launchpad-Slot"
"""The header in which the proxy says for which slot it asks."""
SLOTS = ("blue", "green")
SHOWN = re.compile(r"(image/(?!svg)|audio/|video/|font/|text/(plain|csv)$|application/(pdf|json)$)")
"""What a browser shows without running anything in it."""
RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True)
class Part:
    """The bytes of a file that are sent: from ``start``, ``length`` of them; ``whole`` if that is the file."""

    start: int
    length: int
    whole: bool


def part(header: str | None, size: int) -> Part | None:
    """The part of a file that a ``Range`` header asks for; the whole file for what is not one plain range.

    Returns:
        The part; None if no byte of the file is in it.
    """
    match = RANGE.fullmatch(header.replace(" ", "")) if header else None
    if match is None or match[1] == match[2] == "":
        return Part(0, size, whole=True)
    if match[1] == "":
        start, end = max(0, size - int(match[2])), size
        return Part(start, end - start, whole=False) if end > start else None
    start, end = int(match[1]), min(size, int(match[2]) + 1) if match[2] else size
    if match[2] and int(match[2]) < start:
        return Part(0, size, whole=True)
    return Part(start, end - start, whole=False) if start < size else None


def place(target: str, folders: dict[str, str]) -> tuple[str, str] | None:
    """The folder and the name in it that a request asks for.

    Args:
        target: The request's target, such as ``/media/a.png?x``.
        folders: The folders by the beginning of their URLs.

    Returns:
        Both; None if nothing public can have that name.
    """
    try:
        path = urllib.parse.unquote(target.partition("?")[0], errors="strict")
    except UnicodeDecodeError:
        return None
    for prefix in sorted(folders, key=len, reverse=True):
        if path.startswith(prefix):
            parts = path.removeprefix(prefix).split("/")
            # Nothing hidden, no way up, no second name for the same file.
            if "\0" in path or any(not name or name.startswith(".") for name in parts):
                return None
            return folders[prefix], "/".join(parts)
    return None


class Handler(BaseHTTPRequestHandler):
    """Answers the proxy's requests for one connection."""

    protocol_version = "HTTP/1.1"
    server_version = "launchpad"
    sys_version = ""
    timeout = SLOWEST
    server: Server

    def do_GET(self) -> None:
        """Send a file, or a part of it."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Send what would come before a file."""
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the proxy logs every request."""

    def _answer(self, *, with_body: bool) -> None:
        with self.server.busy():
            self._answer_now(with_body=with_body)

    def _answer_now(self, *, with_body: bool) -> None:
        handle, name = self._open()
        if handle is None:
            self._end(HTTPStatus.NOT_FOUND)
            return
        with os.fdopen(handle, "rb") as stream:
            status = os.fstat(stream.fileno())
            tag, changed = f'"{status.st_mtime_ns:x}-{status.st_size:x}"', int(status.st_mtime)
            if self._is_known(tag, changed):
                self._end(HTTPStatus.NOT_MODIFIED, {"ETag": tag})
                return
            ask = self.headers.get("Range") if self.headers.get("If-Range", tag) == tag else None
            found = part(ask, status.st_size)
            if found is None:
                self._end(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, {"Content-Range": f"bytes */{status.st_size}"})
                return
            headers = {
                **description(name),
                "ETag": tag,
                "Last-Modified": email.utils.formatdate(changed, usegmt=True),
                "Accept-Ranges": "bytes",
            }
            if not found.whole:
                last = found.start + found.length - 1
                headers["Content-Range"] = f"bytes {found.start}-{last}/{status.st_size}"
            self._end(HTTPStatus.OK if found.whole else HTTPStatus.PARTIAL_CONTENT, headers, found.length)
            if with_body and found.length:
                self.wfile.flush()
                sent = self.connection.sendfile(stream, found.start, found.length)
                self.close_connection = self.close_connection or sent < found.length

    def _open(self) -> tuple[int | None, str]:
        """A handle of the file that is asked for, and its name; None if it is not there, or is none."""
        found = place(self.path, self.server.folders(self.headers.get(SLOT, "")))
        if found is None:
            return None, ""
        folder, name = found
        try:
            handle = paths.open_beneath(self.server.data / folder, ".", name)
        except (Failure, OSError):
            return None, ""
        if handle is not None and not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            return None, ""
        return handle, name

    def _is_known(self, tag: str, changed: int) -> bool:
        """Whether the client has the file already."""
        tags = self.headers.get("If-None-Match")
        if tags is not None:
            return tags.strip() == "*" or tag in [each.strip().removeprefix("W/") for each in tags.split(",")]
        try:
            since = email.utils.parsedate_to_datetime(self.headers.get("If-Modified-Since", ""))
            return changed <= since.timestamp()
        except (ValueError, TypeError):
            return False

    def _end(self, status: HTTPStatus, headers: dict[str, str] | None = None, length: int = 0) -> None:
        """Send all that comes before the file."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status is not HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Length", str(length))
        self.send_header("Cache-Control", "max-age=60")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()


def description(name: str) -> dict[str, str]:
    """The headers that say what kind of file it is."""
    kind, encoding = mimetypes.guess_type(name)
    kind = {None: kind, "gzip": "application/gzip"}.get(encoding, "application/octet-stream")
    headers = {"Content-Type": kind or "application/octet-stream"}
    if not SHOWN.match(headers["Content-Type"]):
        headers["Content-Disposition"] = "attachment"
    return headers


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Serves the socket that systemd passes, a thread for each connection."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, listening: socket.socket, static: Path, data: Path) -> None:
        """Take the socket.

        Args:
            listening: The socket.
            static: Where root keeps which folders are public, by slot.
            data: The app's ``$DATA_DIR``.
        """
        socketserver.BaseServer.__init__(self, listening.getsockname(), Handler)
        self.socket = listening
        self.static = static
        self.data = data
        self._lock = threading.Lock()
        self._requests = 0
        self._last = time.monotonic()

    def folders(self, slot: str) -> dict[str, str]:
        """The folders by the beginning of their URLs, as the release in a slot has them."""
        if slot not in SLOTS:
            return {}
        try:
            folders: dict[str, str] = json.loads((self.static / slot / "data.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return folders

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Answer a connection in a thread of its own; it counts before that thread begins."""
        self._last = time.monotonic()
        super().process_request(request, client_address)

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """Stay while a request is answered, and for a while after that."""
        with self._lock:
            self._requests += 1
        try:
            yield
        finally:
            with self._lock:
                self._requests -= 1
                self._last = time.monotonic()

    def service_actions(self) -> None:
        """End after a while without requests; called now and then."""
        with self._lock:
            if not self._requests and time.monotonic() - self._last > IDLE:
                raise SystemExit


def main() -> None:
    """Serve an app's files, from the directories in the arguments."""
    mimetypes.init()
    static, data = (Path(text) for text in sys.argv[1:3])
    with socket.socket(fileno=SOCKET) as listening, Server(listening, static, data) as server:
        server.serve_forever(poll_interval=5)
