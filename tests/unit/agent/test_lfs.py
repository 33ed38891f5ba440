"""What a server of Git LFS may have the machine do: answer odd things, redirect, and see credentials."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra.agent.build import lfs, lfs_http
from infra.agent.build.lfs import Download, Server
from infra.agent.build.lfs_http import LfsError
from infra.agent.system import sh
from infra.agent.system.failure import Failure
from infra.common.referenced import LfsFile
from infra.common.submodule_url import UrlError

OID = hashlib.sha256(b"logo").hexdigest()
FILE = LfsFile("logo.bin", OID, 4)
ASKED = "https://git.example.org/shop.git/info/lfs"
PLAIN = "http://127.0.0.1:8421/shop.git/info/lfs"


def item(**action: Any) -> dict[str, Any]:
    return {"oid": OID, "size": 4, "actions": {"download": {"href": "https://cdn.example.org/x", **action}}}


@pytest.mark.parametrize(
    ("objects", "wanted"),
    [
        ([item()], {OID: Download("https://cdn.example.org/x")}),
        ([item(header={"A": "b", "n": 1})], {OID: Download("https://cdn.example.org/x", {"A": "b", "n": "1"})}),
        ([item(header={"Host": "other", "Content-Length": "9"})], {OID: Download("https://cdn.example.org/x")}),
        ([item(header={"A": "b\r\nC: d"})], {OID: Download("https://cdn.example.org/x")}),
        ([item(header="x")], {OID: Download("https://cdn.example.org/x")}),
        ([item(href="http://169.254.169.254/latest")], {OID: "the server names a URL that is not followed"}),
        ([item(href="file:///etc/shadow")], {OID: "the server names a URL that is not followed"}),
        ([item(href="ftp://cdn.example.org/x")], {OID: "the server names a URL that is not followed"}),
        ([item(href="https://cdn.example.org/x y")], {OID: "the server names a URL that is not followed"}),
        ([item(href="https:///x")], {OID: "the server names a URL that is not followed"}),
        (
            [{"oid": OID, "error": {"code": 404, "message": "gone\x1b[31m\nfor good"}}],
            {OID: "gone\ufffd[31m for good (404)"},
        ),
        ([{"oid": OID, "error": {}}], {OID: "refused (no code)"}),
        ([], {}),
    ],
)
def test_an_answer_of_the_server(objects: list[Any], wanted: dict[str, Download | str]) -> None:
    assert lfs.parse(json.dumps({"objects": objects}).encode(), ASKED) == wanted


NO_ACTIONS: list[Any] = [1, {}, {"download": 1}, {"download": {}}]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"objects": 1}',
        b'{"objects": [1]}',
        b'{"objects": [{"oid": "x"}]}',
        b"[" * 100_000,
    ]
    + [json.dumps({"objects": [{"oid": OID, "actions": actions}]}).encode() for actions in NO_ACTIONS],
)
def test_an_answer_that_is_none(answer: bytes) -> None:
    with pytest.raises(LfsError, match=r"the server's answer is not one of Git LFS"):
        lfs.parse(answer, ASKED)


@pytest.mark.parametrize(
    ("url", "asked", "followed"),
    [
        ("https://cdn.example.org/x", ASKED, True),
        ("https://cdn.example.org/x", PLAIN, True),
        ("http://127.0.0.1:8421/x", PLAIN, True),
        ("http://127.0.0.1:8422/x", PLAIN, False),
        ("http://git.example.org/x", ASKED, False),
        ("//cdn.example.org/x", ASKED, False),
        ("https://cdn.example.org/\n", ASKED, False),
        ("", ASKED, False),
    ],
)
def test_the_urls_that_are_followed(url: str, asked: str, followed: bool) -> None:
    if followed:
        assert lfs_http.allowed(url, asked) == url
    else:
        with pytest.raises(UrlError):
            lfs_http.allowed(url, asked)


class Handler(BaseHTTPRequestHandler):
    """Answers by the path, and keeps what it was told."""

    def do_GET(self) -> None:
        self.server.told.append((self.path, self.headers.get("Authorization"), self.headers.get("Private-Token")))  # type: ignore[attr-defined]
        if self.path == "/loop":
            self.answer(302, b"", Location="/loop")
        elif self.path == "/moved":
            self.answer(307, b"", Location="/logo")
        elif self.path == "/away":
            self.answer(302, b"", Location="http://127.0.0.1:1/logo")
        elif self.path == "/cut":
            self.answer(200, b"lo", **{"Content-Length": "4"})
        else:
            body = {"/logo": b"logo", "/other": b"evil", "/long": b"logo" * 1_000_000}.get(self.path, b"")
            self.answer(200 if body else 404, body)

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.told = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()


def fetch(address: ThreadingHTTPServer, path: str, target: Path, until: float = float("inf")) -> None:
    base = f"http://127.0.0.1:{address.server_port}"
    lfs.fetch(
        Download(f"{base}{path}", {"Authorization": "t", "Private-Token": "t"}),
        FILE,
        target,
        Server(f"{base}/info/lfs", {}, until),
    )


@pytest.mark.parametrize("path", ["/logo", "/moved"])
def test_a_file_that_arrives(address: ThreadingHTTPServer, tmp_path: Path, path: str) -> None:
    fetch(address, path, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"logo"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/other", "what the server gives out is another file than the commit means"),
        ("/long", "what the server gives out is another file than the commit means"),
        ("/cut", "what the server gives out is another file than the commit means"),
        ("/loop", "the server redirects too often"),
        ("/away", "the server redirects to a URL that is not followed"),
        ("/gone", "the server has no Git LFS there"),
    ],
)
def test_a_file_that_does_not_arrive_leaves_nothing(
    address: ThreadingHTTPServer, tmp_path: Path, path: str, why: str
) -> None:
    with pytest.raises(LfsError, match=why):
        fetch(address, path, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_redirect_to_another_server_takes_no_credentials_along(
    address: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    other.told = []  # type: ignore[attr-defined]
    threading.Thread(target=other.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setattr(
        lfs_http, "allowed", lambda url, _: url.replace("127.0.0.1:1/", f"127.0.0.1:{other.server_port}/")
    )
    fetch(address, "/away", tmp_path / "file")
    other.shutdown()
    assert address.told == [("/away", "t", "t")]  # type: ignore[attr-defined]
    assert other.told == [("/logo", None, None)]  # type: ignore[attr-defined]


def test_what_comes_too_slowly_is_given_up(address: ThreadingHTTPServer, tmp_path: Path) -> None:
    with pytest.raises(Failure, match="did not arrive in time"):
        fetch(address, "/logo", tmp_path / "file", time.monotonic() - 1)


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"])
def test_a_server_that_sends_a_byte_now_and_then_is_given_up(first: bytes, tmp_path: Path) -> None:
    def drip() -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(first)
            while True:
                connection.sendall(b"x")
                time.sleep(0.1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=drip, daemon=True).start()
        server = Server(f"http://127.0.0.1:{listener.getsockname()[1]}", {}, time.monotonic() + 0.5)
        with pytest.raises(Failure, match="did not arrive in time"):
            lfs.fetch(Download(f"{server.url}/logo"), FILE, tmp_path / "file", server)
    assert time.monotonic() < server.until + 60


def test_credentials_of_the_repository_go_to_its_own_server_in_a_header() -> None:
    found = lfs.server("https://ci:p%2Fw@git.example.org/shop.git", "", {}, 1)
    assert found == Server(ASKED, {"Authorization": "Basic Y2k6cC93"}, 1)
    assert "Y2k6cC93" not in repr(found)
    elsewhere = lfs.server("https://ci:p%2Fw@git.example.org/shop.git", "https://lfs.example.org/x", {}, 1)
    assert elsewhere == Server("https://lfs.example.org/x", {}, 1)


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ('{"href": "https://lfs.example.org/x", "header": {"Authorization": "R"}}', Server("https://lfs.example.org/x", {"Authorization": "R"}, 1)),
        ('{"href": "http://169.254.169.254/x"}', Server("https://git.example.org/you/shop.git/info/lfs", {}, 1)),
        ('{"href": "file:///etc"}', Server("https://git.example.org/you/shop.git/info/lfs", {}, 1)),
        ("command not found", Server("https://git.example.org/you/shop.git/info/lfs", {}, 1)),
    ],
)  # fmt: skip
def test_an_ssh_server_is_asked_for_its_server_of_git_lfs(
    monkeypatch: pytest.MonkeyPatch, answer: str, wanted: Server
) -> None:
    ran: list[list[str]] = []

    def run(argv: list[str], **_: object) -> sh.Finished:
        ran.append(argv)
        return sh.Finished(0, answer, "")

    monkeypatch.setattr(sh, "run", run)
    ssh = {"GIT_SSH_COMMAND": "ssh -F none -i /key"}
    assert lfs.server("git@git.example.org:you/shop.git", "", ssh, 1) == wanted
    words = ["ssh", "-F", "none", "-i", "/key", "--", "git@git.example.org"]
    assert ran[0][-8:] == [*words, "git-lfs-authenticate you/shop.git download"]
