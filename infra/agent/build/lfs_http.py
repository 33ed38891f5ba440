"""Opens what a server of Git LFS names: which URLs and redirects are followed, and what they are told."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping

from infra.common import submodule_url
from infra.common.printable import one_line

SILENCE = 60
"""Seconds that a server may be silent."""
CHUNK = 1 << 20
MOST_REDIRECTS = 5
KEPT = ("user-agent", "accept", "content-type")
"""The headers that a server sees which another one redirects to: a token may be in any of the others."""
Headers = Mapping[str, str]


class LfsError(Exception):
    """Objects that the server does not give out; the message says why."""


def allowed(url: str, asked: str) -> str:
    """A URL that a server of Git LFS names, if it is followed: https, or plain http of that very server.

    Raises:
        UrlError: It is not.
    """
    address, server = urllib.parse.urlsplit(url), urllib.parse.urlsplit(asked)
    own = (address.scheme, address.netloc) == (server.scheme, server.netloc)
    if not url.isprintable() or " " in url or not address.netloc or not (address.scheme == "https" or own):
        raise submodule_url.UrlError("its URL is not followed")
    return url


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect by itself."""

    def redirect_request(self, *_: object) -> None:
        """Leave the redirect to ``opened``."""
        return


def opened(url: str, headers: Headers, body: bytes | None, asked: str) -> http.client.HTTPResponse:
    """Open a URL, and follow redirects as far as they are allowed; another server sees no credentials.

    Args:
        url: The URL.
        headers: What has to be in the request.
        body: What is sent; None for nothing.
        asked: The URL of the server of Git LFS.

    Raises:
        LfsError: It cannot be opened.
    """
    opener = urllib.request.build_opener(Redirects)
    given = {"User-Agent": "launchpad (git-lfs)", **headers}
    for _ in range(MOST_REDIRECTS):
        try:
            request = urllib.request.Request(url, body, given)
            answer = opener.open(request, timeout=SILENCE)
        except urllib.error.HTTPError as error:
            location = error.headers.get("Location", "")
            error.close()
            if error.code not in (301, 302, 303, 307, 308) or not location:
                raise LfsError(_refusal(error.code)) from None
            try:
                following = allowed(urllib.parse.urljoin(url, location), asked)
            except (submodule_url.UrlError, ValueError):
                raise LfsError("the server redirects to a URL that is not followed") from None
            if urllib.parse.urlsplit(following)[:2] != urllib.parse.urlsplit(url)[:2]:
                given = {name: value for name, value in given.items() if name.lower() in KEPT}
            url = following
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise LfsError(_broken(error)) from None
        else:
            assert isinstance(answer, http.client.HTTPResponse)
            return answer
    raise LfsError("the server redirects too often")


def read(stream: http.client.HTTPResponse) -> bytes:
    """The next bytes of an answer; none at its end.

    Raises:
        LfsError: The connection broke off.
    """
    try:
        return stream.read(CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise LfsError(_broken(error)) from None


def _broken(error: Exception) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return one_line(f"the server does not answer as it should ({reason})")


def _refusal(status: int) -> str:
    if status in (401, 403):
        return f"the server asks for other credentials (status {status}); set a token in the URL that may read them"
    if status == 404:
        return "the server has no Git LFS there (status 404), or asks for credentials"
    return f"the server answers with status {status}"
