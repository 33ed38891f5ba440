"""A visitor of a web app, as far as it needs no browser: pages, their own files, their forms, cookies, redirects."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin, urlsplit

REDIRECTS = (301, 302, 303, 307, 308)
MOST_REDIRECTS = 5


@dataclass(frozen=True)
class Form:
    """A form of a page: where it goes to, and its fields with the values that they have."""

    action: str
    method: str
    fields: Mapping[str, str]


@dataclass
class Page:
    """What a page consists of.

    Attributes:
        title: Its title, else its first heading.
        files: The URLs of its own style sheets, scripts and pictures, as written.
        forms: Its forms.
    """

    title: str = ""
    files: list[str] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)


class PageParser(HTMLParser):
    """Reads a page."""

    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._titles: dict[str, str] = {}
        self._open = ""
        self._fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        kinds = given.get("rel", "").lower().split()
        if (tag == "link" and {"stylesheet", "icon", "modulepreload"} & set(kinds)) and given.get("href"):
            self.page.files.append(given["href"])
        elif tag in ("script", "img") and given.get("src"):
            self.page.files.append(given["src"])
        elif tag in ("title", "h1"):
            self._open = tag
        elif tag == "form":
            self._fields = {}
            self.page.forms.append(Form(given.get("action", ""), given.get("method", "get").lower(), self._fields))
        elif tag in ("input", "textarea", "select") and given.get("name"):
            self._fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._open:
            self._open = ""
        if tag == "form":
            self._fields = {}

    def handle_data(self, data: str) -> None:
        if self._open:
            self._titles[self._open] = self._titles.get(self._open, "") + data
            titles = [" ".join(self._titles.get(tag, "").split()) for tag in ("title", "h1")]
            self.page.title = titles[0] or titles[1]


def read(text: str) -> Page:
    """Read a page of HTML."""
    parser = PageParser()
    parser.feed(text)
    return parser.page


def multipart(fields: Mapping[str, str], files: Mapping[str, tuple[str, bytes]], boundary: str) -> bytes:
    """The body of a form with files: their names and contents by field."""
    head = f"--{boundary}\r\nContent-Disposition: form-data; name="
    parts = [f'{head}"{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    for name, (filename, content) in files.items():
        kind = f'filename="{filename}"\r\nContent-Type: application/octet-stream'
        parts.append(f'{head}"{name}"; {kind}\r\n\r\n'.encode() + content + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


@dataclass(frozen=True)
class Answer:
    """An answer to a request, after redirects."""

    path: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")


class Visitor:
    """Somebody with one browser window: it keeps cookies and follows redirects within the app."""

    def __init__(self, address: str, port: int, host: str = "", timeout: float = 30) -> None:
        self.address, self.port, self.timeout = address, port, timeout
        host = host or address
        self.host = host if port == 80 else f"{host}:{port}"
        self.cookies: SimpleCookie = SimpleCookie()

    def get(self, path: str = "/") -> Answer:
        """Open a page."""
        return self._follow("GET", path, b"", {})

    def post(
        self, path: str, fields: Mapping[str, str], files: Mapping[str, tuple[str, bytes]] | None = None
    ) -> Answer:
        """Send fields as a form does."""
        if files:
            body = multipart(fields, files, "----launchpad")
            return self._follow("POST", path, body, {"Content-Type": "multipart/form-data; boundary=----launchpad"})
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._follow("POST", path, urlencode(fields).encode(), kind)

    def post_json(self, path: str, value: object) -> Answer:
        """Send JSON as a script does."""
        return self._follow("POST", path, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def submit(self, path: str, fields: Mapping[str, str]) -> Answer:
        """Open a page, fill in its first form that posts, and send it with its hidden fields."""
        form = next(form for form in read(self.get(path).text).forms if form.method == "post")
        return self.post(urljoin(path, form.action), {**form.fields, **fields})

    def files(self, answer: Answer) -> dict[str, int]:
        """The status of each of a page's own files, by its path."""
        own = {}
        for written in read(answer.text).files:
            url = urlsplit(urljoin(f"http://{self.host}{answer.path}", written))
            if url.scheme == "http" and url.netloc == self.host:
                own[url.path + (f"?{url.query}" if url.query else "")] = 0
        return {path: self.get(path).status for path in own}

    def upgrade(self, path: str) -> tuple[socket.socket, int]:
        """Open a websocket; returns the connection and the status of the answer."""
        connection = socket.create_connection((self.address, self.port), self.timeout)
        key = base64.b64encode(os.urandom(16)).decode()
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Origin: http://{self.host}\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head and (more := connection.recv(1)):
            head += more
        return connection, int(head.split(b" ", 2)[1])

    def say(self, path: str, words: str) -> str:
        """Send a text over a websocket and return the text that comes back."""
        connection, status = self.upgrade(path)
        with connection:
            if status != 101:
                return f"status {status}"
            mask, text = b"\1\2\3\4", words.encode()
            masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(text))
            connection.sendall(bytes([0x81, 0x80 | len(text)]) + mask + masked)
            frame = connection.recv(4096)
            return frame[2 : 2 + frame[1]].decode()

    def _follow(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        for _ in range(MOST_REDIRECTS):
            answer = self._ask(method, path, body, headers)
            target = answer.headers.get("location")
            if answer.status not in REDIRECTS or target is None:
                return answer
            url = urlsplit(urljoin(f"http://{self.host}{path}", target))
            if (url.scheme, url.netloc) != ("http", self.host):
                return answer
            path = url.path + (f"?{url.query}" if url.query else "")
            if answer.status in (301, 302, 303):
                method, body, headers = "GET", b"", {}
        return answer

    def _ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in self.cookies.items())
        sent = {"Host": self.host, "Accept": "text/html,*/*", **({"Cookie": cookies} if cookies else {}), **headers}
        connection = http.client.HTTPConnection(self.address, self.port, timeout=self.timeout)
        try:
            connection.request(method, path, body or None, sent)
            response = connection.getresponse()
            for name, value in response.getheaders():
                if name.lower() == "set-cookie":
                    self.cookies.load(value)
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(path, response.status, found, response.read())
        finally:
            connection.close()
