"""Where a redirect leads, seen from a visitor: to another path of the app, to HTTPS, or away from it."""

from __future__ import annotations

import enum
import re
import urllib.parse
from dataclasses import dataclass

STATUS = (301, 302, 303, 307, 308)
UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class Leads(enum.Enum):
    """The kinds of places that a redirect may lead to."""

    HERE = "another path of the app"
    HTTPS = "the app's own host over HTTPS, which is not offered"
    ELSEWHERE = "another host"
    NOWHERE = "no URL at all"


@dataclass(frozen=True)
class Public:
    """Where visitors reach an app: its host, the port of plain HTTP, and whether HTTPS is offered, on which port."""

    host: str
    http_port: int = 80
    https: bool = False
    https_port: int = 443

    @property
    def authority(self) -> str:
        """The Host header of a visitor's request: with the port where it is not the usual one."""
        port, usual = (self.https_port, 443) if self.https else (self.http_port, 80)
        return self.host if port == usual else f"{self.host}:{port}"

    @property
    def scheme(self) -> str:
        """The scheme of the app's public URL."""
        return "https" if self.https else "http"


def follow(public: Public, path: str, location: str) -> tuple[Leads, str]:
    """Where ``location``, answered to a request for ``path``, leads; with a path where it stays here, else a URL."""
    try:
        url = urllib.parse.urljoin(f"{public.scheme}://{public.authority}{path}", location.strip())
        parts = urllib.parse.urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return Leads.NOWHERE, location
    if host != public.host.strip("[]").lower().rstrip("."):
        return Leads.ELSEWHERE, url
    if (parts.scheme, port) == ("http", public.http_port):
        # With a domain the proxy sends plain HTTP on to HTTPS by itself.
        return Leads.HERE, normal(parts.path, parts.query)
    if (parts.scheme, port) == ("https", public.https_port):
        return (Leads.HERE, normal(parts.path, parts.query)) if public.https else (Leads.HTTPS, url)
    return Leads.ELSEWHERE, url


def normal(path: str, query: str = "") -> str:
    """A path and query in the form in which equal ones look equal, ready to be asked for."""
    kept: list[str] = []
    # Encoded first: %2e is a dot, for browsers too.
    parts = _encoded(path).replace("?", "%3F").removeprefix("/").split("/")
    for part in parts:
        if part == "..":
            del kept[-1:]
        elif part != ".":
            kept.append(part)
    if parts[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept) + (f"?{_encoded(query)}" if query else "")


def _encoded(text: str) -> str:
    text = urllib.parse.quote(text, safe="/%:@!$&'()*+,;=~?[]", errors="surrogatepass")
    text = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", text)
    return re.sub(r"%([0-9A-Fa-f]{2})", _unreserved, text)


def _unreserved(match: re.Match[str]) -> str:
    letter = chr(int(match[1], 16))
    return letter if letter in UNRESERVED else match[0].upper()
