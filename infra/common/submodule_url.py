"""Where a submodule and Git LFS objects come from: URLs that anybody who can commit may choose, so few are followed."""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass, replace

SCP = re.compile(r"(?:(?P<user>[A-Za-z0-9._-]+)@)?(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*):(?P<path>(?!//)[^\s]+)")
"""ssh's short form, such as git@host:path."""
LONGEST = 2000


class UrlError(Exception):
    """A URL that is not followed; the message says why."""


@dataclass(frozen=True)
class Url:
    """The parts of a git repository's URL.

    Attributes:
        scheme: ``https``, ``http``, ``ssh``, or ``scp`` for ssh's short form.
        login: The user, and the password after a colon, as they stand in the URL.
        host: The server's name.
        port: Its port; 0 for the usual one.
        path: The path, without its first slash, except for ``scp``.
    """

    scheme: str
    login: str
    host: str
    port: int
    path: str

    @property
    def is_http(self) -> bool:
        """Whether it is read over HTTP or HTTPS."""
        return self.scheme in ("http", "https")

    def server(self) -> tuple[str, str, int]:
        """What identifies the server that gets the credentials."""
        usual = {"http": 80, "https": 443}.get(self.scheme, 22)
        return ("ssh" if self.scheme == "scp" else self.scheme, self.host, self.port or usual)

    def text(self) -> str:
        """The URL."""
        login = f"{self.login}@" if self.login else ""
        if self.scheme == "scp":
            return f"{login}{self.host}:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{login}{host}{f':{self.port}' if self.port else ''}/{self.path}"


def parse(text: str) -> Url:
    """The parts of a URL.

    Raises:
        UrlError: It is of no kind that is followed.
    """
    if not text or len(text) > LONGEST or re.search(r"[\s\x00-\x1f\x7f\\]", text) or text.startswith("-"):
        raise UrlError("its URL is not valid")
    if "::" in text.partition("/")[0]:
        raise UrlError("its URL names a transport program of git")
    if "://" not in text:
        if match := SCP.fullmatch(text):
            return Url("scp", match["user"] or "", match["host"].lower(), 0, match["path"])
        raise UrlError("its URL is neither https, nor ssh, nor relative")
    try:
        parts = urllib.parse.urlsplit(text)
        host, port = (parts.hostname or "").lower(), parts.port or 0
    except ValueError:
        raise UrlError("its URL is not valid") from None
    scheme = {"git+ssh": "ssh"}.get(parts.scheme, parts.scheme)
    if scheme not in ("http", "https", "ssh"):
        raise UrlError(f"its URL begins with {scheme[:20]}://, and only https, ssh and relative ones are followed")
    login = parts.netloc.rpartition("@")[0]
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*|[0-9a-f:.]+", host) or login.startswith("-"):
        raise UrlError("its URL is not valid")
    if parts.query or parts.fragment:
        raise UrlError("its URL has a query")
    return Url(scheme, login, host, port, parts.path.lstrip("/"))


def follow(base: str, text: str) -> str:
    """The URL to read a submodule from, with the credentials of its repository's where they are meant for it.

    The credentials go to no other server. A server that is not the repository's own is asked over https only, so that
    nobody who can commit has the machine ask what answers inside its network (such as a cloud's metadata service).

    Args:
        base: The URL of the repository that has the submodule, with its credentials.
        text: The submodule's URL, as ``.gitmodules`` has it.

    Raises:
        UrlError: It is not followed; the message says why.
    """
    above = parse(base)
    if text.startswith(("./", "../")):
        return _join(above, text).text()
    url = parse(text)
    if url.host != above.host:
        if url.scheme != "https":
            raise UrlError(f"its server {url.host} is not the repository's own, and others are asked by https only")
        return url.text()
    if above.is_http and (not url.is_http or url.scheme == "http"):
        # As people have git do by url.<base>.insteadOf: a token for https reads what is written as git@host:path.
        path = url.path.lstrip("/")
        return replace(above, path=path).text()
    if above.is_http and url.server() == above.server() and above.login:
        return replace(url, login=above.login).text()
    if url.scheme == "http":
        raise UrlError("its URL is http, and that of the repository is not")
    return url.text()


def lfs(base: str, configured: str = "") -> str:
    """The URL of the server of Git LFS.

    Args:
        base: The repository's URL, with its credentials.
        configured: What ``.lfsconfig`` of the commit says; empty if it says nothing.

    Raises:
        UrlError: It is not followed; the message says why.

    Source: https://github.com/git-lfs/git-lfs/blob/main/docs/api/server-discovery.md
    """
    if configured:
        url = parse(follow(base, configured))
        if not url.is_http:
            raise UrlError("its Git LFS server is neither http nor https")
        return url.text().rstrip("/")
    url = parse(base)
    if not url.is_http:
        url = Url("https", "", url.host, 0, url.path.lstrip("/"))
    path = url.path.rstrip("/")
    return replace(url, path=f"{path}{'' if path.endswith('.git') else '.git'}/info/lfs").text()


def _join(above: Url, relative: str) -> Url:
    """Follow a relative URL from a repository's, as git does. Source: git-submodule(1), under "add"."""
    parts = [part for part in above.path.rstrip("/").split("/") if part]
    rooted = "/" if above.scheme == "scp" and above.path.startswith("/") else ""
    rest = relative
    while rest.startswith(("./", "../")):
        if rest.startswith("../"):
            if not parts:
                raise UrlError("its relative URL leads out of the server")
            parts.pop()
        rest = rest.partition("/")[2]
    rest = rest.strip("/")
    if not rest or ".." in rest.split("/") or re.search(r"[\s\x00-\x1f\x7f\\?#]", rest):
        raise UrlError("its relative URL is not valid")
    return replace(above, path=rooted + "/".join([*parts, rest]))
