"""Downloads files from a server of Git LFS.

Source: https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.agent.build import lfs_http
from infra.agent.build.lfs_http import SILENCE, Headers, LfsError
from infra.agent.system import deadline, sh
from infra.common import git_url, submodule_url
from infra.common.printable import one_line
from infra.common.referenced import LfsFile

MEDIA = "application/vnd.git-lfs+json"
AT_ONCE = 100
"""Objects in one question."""
LONGEST_ANSWER = 10_000_000
"""Bytes of the answer to one question at most."""
LATE = "The files of Git LFS did not arrive in time."


@dataclass(frozen=True)
class Server:
    """A server of Git LFS.

    Attributes:
        url: Its URL, without credentials.
        headers: What it wants to see in each question, credentials among it.
        until: When everything has to be here, in seconds of the monotonic clock.
    """

    url: str
    headers: Headers = field(default_factory=dict, repr=False)
    until: float = float("inf")


@dataclass(frozen=True)
class Download:
    """Where an object can be had, and what has to be in the request."""

    url: str
    headers: Headers = field(default_factory=dict, repr=False)


def server(repository: str, configured: str, ssh: Mapping[str, str], until: float) -> Server:
    """The server of a repository's objects.

    Args:
        repository: The repository's URL, with its credentials.
        configured: What ``.lfsconfig`` says; empty if it says nothing.
        ssh: git's variables for an SSH server; empty for others.
        until: When everything has to be here, in seconds of the monotonic clock.

    Raises:
        UrlError: The URL is not followed.
    """
    if ssh and not configured and (found := _by_ssh(repository, ssh, until)):
        return found
    parts = git_url.credentials(submodule_url.lfs(repository, configured))
    if not parts.user and not parts.password:
        return Server(parts.url, {}, until)
    login = base64.b64encode(f"{parts.user}:{parts.password}".encode()).decode()
    return Server(parts.url, {"Authorization": f"Basic {login}"}, until)


def _by_ssh(repository: str, ssh: Mapping[str, str], until: float) -> Server | None:
    """What an SSH server says of its server of Git LFS; None if it says nothing.

    Source: https://github.com/git-lfs/git-lfs/blob/main/docs/api/server-discovery.md, under "SSH"
    """
    url = submodule_url.parse(repository)
    address = f"{url.login}@{url.host}" if url.login else url.host
    port = ["-p", str(url.port)] if url.port else []
    path = url.path if url.scheme == "scp" else f"/{url.path}"
    question = f"git-lfs-authenticate {shlex.quote(path)} download"
    argv = [*shlex.split(ssh["GIT_SSH_COMMAND"]), *port, "--", address, question]
    done = sh.run(sh.bound(argv), timeout=SILENCE, name="git-lfs-authenticate")
    with contextlib.suppress(ValueError, TypeError, KeyError, submodule_url.UrlError):
        said = json.loads(done.out)
        found = submodule_url.parse(said["href"])
        if done.ok and found.scheme == "https" and not found.login:
            return Server(found.text().rstrip("/"), _headers(said.get("header", {})), until)
    return None


def downloads(server: Server, wanted: Iterable[LfsFile]) -> Iterator[tuple[LfsFile, Download | str]]:
    """Ask where objects can be had.

    Args:
        server: The server.
        wanted: The objects.

    Yields:
        Each object with its download, or with the reason why there is none.

    Raises:
        LfsError: The server does not answer the question.
    """
    files = list(wanted)
    for start in range(0, len(files), AT_ONCE):
        some = files[start : start + AT_ONCE]
        answers = parse(_ask(server, question(some)), server.url)
        for file in some:
            yield file, answers.get(file.oid, "the server does not answer for it")


def question(files: Sequence[LfsFile]) -> bytes:
    """The body of the question for some objects."""
    objects = [{"oid": file.oid, "size": file.size} for file in files]
    body = {"operation": "download", "transfers": ["basic"], "hash_algo": "sha256", "objects": objects}
    return json.dumps(body).encode()


def parse(answer: bytes, asked: str) -> dict[str, Download | str]:
    """What the server answered, by object: a download, or why there is none.

    Args:
        answer: The body of its answer, which may be anything.
        asked: The URL of the server.

    Raises:
        LfsError: It is no such answer.
    """
    try:
        objects = json.loads(answer)["objects"]
        return {str(each["oid"]): _download(each, asked) for each in objects}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise LfsError("the server's answer is not one of Git LFS") from None


def _download(item: Mapping[str, object], asked: str) -> Download | str:
    error = item.get("error")
    if isinstance(error, dict):
        return one_line(f"{error.get('message', 'refused')} ({error.get('code', 'no code')})")
    actions = item["actions"]
    action = actions["download"] if isinstance(actions, dict) else None
    if not isinstance(action, dict):
        raise TypeError("an object without a download")
    try:
        return Download(lfs_http.allowed(str(action["href"]), asked), _headers(action.get("header") or {}))
    except submodule_url.UrlError:
        return "the server names a URL that is not followed"


def _headers(given: object) -> Headers:
    """The headers in an answer, without those that would change more than this request."""
    if not isinstance(given, dict):
        return {}
    pairs = {str(name): str(value) for name, value in given.items()}
    if any(not f"{name}{value}".isprintable() for name, value in pairs.items()):
        return {}
    return {name: value for name, value in pairs.items() if name.lower() not in ("host", "content-length")}


def fetch(download: Download, file: LfsFile, target: Path, server: Server) -> None:
    """Download an object to a file, and check it.

    Args:
        download: Where it can be had.
        file: What it has to be.
        target: The file, which may not be there yet.
        server: The server that named the download.

    Raises:
        LfsError: It cannot be had, or is another.
    """
    digest, size = hashlib.sha256(), 0
    with (
        deadline.by(server.until, LATE),
        lfs_http.opened(download.url, download.headers, None, server.url) as stream,
        target.open("xb") as out,
    ):
        while chunk := lfs_http.read(stream):
            size += len(chunk)
            if size > file.size:
                break
            digest.update(chunk)
            out.write(chunk)
    if size != file.size or digest.hexdigest() != file.oid:
        target.unlink()
        raise LfsError("what the server gives out is another file than the commit means")


def _ask(server: Server, body: bytes) -> bytes:
    headers = {**server.headers, "Accept": MEDIA, "Content-Type": MEDIA}
    with (
        deadline.by(server.until, LATE),
        lfs_http.opened(f"{server.url}/objects/batch", headers, body, server.url) as stream,
    ):
        answer = b""
        while (chunk := lfs_http.read(stream)) and len(answer) <= LONGEST_ANSWER:
            answer += chunk
    if len(answer) > LONGEST_ANSWER:
        raise LfsError("the server's answer is too long")
    return answer
