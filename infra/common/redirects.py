"""Classification of redirects as a visitor sees them: to another path of the app, to HTTPS, or to another host."""

from __future__ import annotations

import enum
import re
import urllib.parse
from dataclasses import dataclass

STATUS = (301, 302, 303, 307, 308)
ACCEPT = "text/html,*/*;q=0.8"
"""What a visitor's browser accepts: some apps lead it to their login page, and refuse what asks otherwise."""
UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class Leads(enum.Enum):
    """The kinds of redirect targets."""

    HERE = "another path of the app"
    HTTPS = "the app's own host over HTTPS, which is not offered"
    ELSEWHERE = "another host"
    NOWHERE = "not a valid URL"


@dataclass(frozen=True)
class Public:
    """An app's public host, its HTTP port, whether it offers HTTPS, and on which port.

    With ``fronted`` a CDN or load balancer in front may offer HTTPS without a part of ours in it.
    """

    host: str
    http_port: int = 80
    https: bool = False
    https_port: int = 443
    fronted: bool = False

    @property
    def authority(self) -> str:
        """The Host header of a visitor's request: the host, with the port if it is not the default."""
        port, usual = (self.https_port, 443) if self.https else (self.http_port, 80)
        return self.host if port == usual else f"{self.host}:{port}"

    @property
    def scheme(self) -> str:
        """The scheme of the app's public URL."""
        return "https" if self.https else "http"


def follow(public: Public, path: str, location: str) -> tuple[Leads, str]:
    """Classify a redirect.

    Args:
        public: The app's public address.
        path: The path that was requested.
        location: The response's ``Location`` header.

    Returns:
        The kind of the target, and the target: a path if it is ``HERE``, otherwise a URL.
    """
    try:
        url = urllib.parse.urljoin(f"{public.scheme}://{public.authority}{path}", location.strip())
        parts = urllib.parse.urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return Leads.NOWHERE, location
    if host != public.host.strip("[]").lower().rstrip("."):
        return Leads.ELSEWHERE, url
    if (parts.scheme, port) == ("http", public.http_port):
        # With a domain, the proxy itself redirects plain HTTP to HTTPS.
        return Leads.HERE, normal(parts.path, parts.query)
    if (parts.scheme, port, public.https) == ("https", public.https_port, True):
        return Leads.HERE, normal(parts.path, parts.query)
    # An app that changes the scheme of the request's URL alone keeps the port of plain HTTP.
    ours = parts.scheme == "https" and port in (public.https_port, public.http_port)
    return (Leads.HTTPS if ours and not public.https and not public.fronted else Leads.ELSEWHERE), url


def normal(path: str, query: str = "") -> str:
    """Normalize a path and query for comparison and for a request."""
    kept: list[str] = []
    # Encode first: browsers, too, treat %2e as a dot.
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
