"""The server of public files below $DATA_DIR: what a request names, which part it gets, and how it is described."""

import http.client
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.agent.proxy import file_server
from infra.agent.proxy.file_server import Part, Server, description, part, place

FOLDERS = {"/media/": "media", "/media/thumbs/": "cache/thumbs"}


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("/media/a.png", ("media", "a.png")),
        ("/media/a/b%20c.png?x=/../y", ("media", "a/b c.png")),
        ("/media/thumbs/a.png", ("cache/thumbs", "a.png")),
        ("/media/%C3%A4.png", ("media", "ä.png")),
        ("/media/", None),
        ("/media", None),
        ("/mediaa/x", None),
        ("/media/a/", None),
        ("/media//a", None),
        ("/media/.env", None),
        ("/media/a/.git/config", None),
        ("/media/../secret", None),
        ("/media/%2e%2e/secret", None),
        ("/media/a%2F..%2F..%2Fsecret", None),
        ("/media/a%00.png", None),
        ("/media/%ff", None),
        ("/other", None),
    ],
)
def test_what_a_request_names(target: str, found: tuple[str, str] | None) -> None:
    assert place(target, FOLDERS) == found


@given(st.text(st.sampled_from("/.%2eEfFa\\\0"), max_size=30))
def test_no_request_names_anything_above_its_folder(path: str) -> None:
    found = place(f"/media/{path}", {"/media/": "media"})
    assert found is None or not any(name in ("", ".", "..") for name in found[1].split("/"))


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (None, Part(0, 10, whole=True)),
        ("bytes=0-3", Part(0, 4, whole=False)),
        ("bytes=4-", Part(4, 6, whole=False)),
        ("bytes=-3", Part(7, 3, whole=False)),
        ("bytes=-30", Part(0, 10, whole=False)),
        ("bytes=8-30", Part(8, 2, whole=False)),
        ("bytes=10-", None),
        ("bytes=-0", None),
        ("bytes=5-2", Part(0, 10, whole=True)),
        ("bytes=0-1,3-4", Part(0, 10, whole=True)),
        ("bytes=-", Part(0, 10, whole=True)),
        ("lines=0-1", Part(0, 10, whole=True)),
    ],
)
def test_which_part_is_sent(header: str | None, found: Part | None) -> None:
    assert part(header, 10) == found


@given(st.integers(0, 50), st.integers(0, 50) | st.none(), st.integers(0, 50) | st.none())
def test_a_part_is_never_beyond_the_file(size: int, start: int | None, end: int | None) -> None:
    found = part(f"bytes={'' if start is None else start}-{'' if end is None else end}", size)
    assert found is None or (found.start >= 0 and found.start + found.length <= size)


@pytest.mark.parametrize(
    ("name", "kind", "download"),
    [
        ("a.png", "image/png", False),
        ("a.PDF", "application/pdf", False),
        ("a.mp4", "video/mp4", False),
        ("a.txt", "text/plain", False),
        ("a.html", "text/html", True),
        ("a.svg", "image/svg+xml", True),
        ("a.js", "text/javascript", True),
        ("a.xml", "text/xml", True),
        ("a.zip", "application/zip", True),
        ("a.txt.gz", "application/gzip", True),
        ("a.svgz", "application/gzip", True),
        ("a", "application/octet-stream", True),
        ("a.strange", "application/octet-stream", True),
    ],
)
def test_what_a_browser_could_run_is_only_downloaded(name: str, kind: str, download: bool) -> None:
    headers = description(name)
    assert headers["Content-Type"].replace("application/xml", "text/xml") == kind
    assert headers.get("Content-Disposition") == ("attachment" if download else None)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Public files, and what lies beside them."""
    media = tmp_path / "data/media"
    media.mkdir(parents=True)
    (media / "a.txt").write_text("0123456789")
    (tmp_path / "data/secret").write_text("secret")
    (media / "inside").symlink_to("a.txt")
    (media / "out").symlink_to("../secret")
    (media / "etc").symlink_to("/etc/passwd")
    (media / "folder").symlink_to("..")
    (media / "sub").mkdir()
    os.mkfifo(media / "fifo")
    slot = tmp_path / "static/green"
    slot.mkdir(parents=True)
    (slot / "data.json").write_text('{"/media/": "media"}')
    return tmp_path


@pytest.fixture
def connection(data: Path) -> Iterator[http.client.HTTPConnection]:
    """A connection to a server of these files."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(data / "sock"))
    listening.listen()
    with Server(listening, data / "static", data / "data") as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        found = http.client.HTTPConnection("localhost", timeout=5)
        found.sock = socket.socket(socket.AF_UNIX)
        found.sock.connect(str(data / "sock"))
        yield found
        found.close()
        server.shutdown()
        thread.join()


def ask(
    connection: http.client.HTTPConnection, path: str, method: str = "GET", slot: str = "green", **headers: str
) -> tuple[int, str, dict[str, str]]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers={"Launchpad-Slot": slot, **names})
    response = connection.getresponse()
    return response.status, response.read().decode(), dict(response.getheaders())


def test_files_parts_of_files_and_what_a_client_has_already(connection: http.client.HTTPConnection) -> None:
    status, body, headers = ask(connection, "/media/a.txt")
    assert (status, body, headers["X-Content-Type-Options"]) == (200, "0123456789", "nosniff")
    assert ask(connection, "/media/a.txt", "HEAD")[:2] == (200, "")
    assert ask(connection, "/media/a.txt", If_None_Match=f'"x", W/{headers["ETag"]}')[:2] == (304, "")
    assert ask(connection, "/media/a.txt", If_Modified_Since=headers["Last-Modified"])[:2] == (304, "")
    status, body, more = ask(connection, "/media/a.txt", Range="bytes=2-4")
    assert (status, body, more["Content-Range"]) == (206, "234", "bytes 2-4/10")
    assert ask(connection, "/media/a.txt", Range="bytes=2-4", If_Range=headers["ETag"])[0] == 206
    assert ask(connection, "/media/a.txt", Range="bytes=2-4", If_Range='"other"')[:2] == (200, "0123456789")
    status, _, more = ask(connection, "/media/a.txt", Range="bytes=10-")
    assert (status, more["Content-Range"]) == (416, "bytes */10")
    assert ask(connection, "/media/inside")[:2] == (200, "0123456789")


@pytest.mark.parametrize(
    "name", ["out", "etc", "folder/secret", "folder/media/a.txt", "sub", "sub/", "fifo", "none", ""]
)
def test_no_link_out_of_the_folder_no_folder_and_no_pipe(connection: http.client.HTTPConnection, name: str) -> None:
    assert ask(connection, f"/media/{name}")[:2] == (404, "")


@pytest.mark.parametrize("slot", ["", "blue", "../static/green", "green/../green"])
def test_a_slot_that_serves_no_files(connection: http.client.HTTPConnection, slot: str) -> None:
    assert ask(connection, "/media/a.txt", slot=slot)[0] == 404


def test_a_folder_that_is_a_link_is_not_served(connection: http.client.HTTPConnection, data: Path) -> None:
    (data / "data/media").rename(data / "data/other")
    (data / "data/media").symlink_to("other")
    expected = 200 if os.geteuid() == 0 else 404  # a link of root's is followed, and in this test root makes it
    assert ask(connection, "/media/a.txt")[0] == expected


def test_the_server_ends_when_nobody_asks(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_server, "IDLE", 0.05)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(data / "idle"))
    listening.listen()
    with Server(listening, data / "static", data / "data") as server, pytest.raises(SystemExit):
        server.serve_forever(poll_interval=0.02)
