"""Requests the app at its public URL from the workstation, as a visitor would.

This verifies what no check on the machine can: the firewall, the proxy and, with a domain, the certificate. It follows
redirects as a browser does, as long as they stay within the app.
"""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from infra.common import redirects
from infra.common.redirects import ACCEPT, Leads, Public
from infra.deployment import ticking
from infra.machines.providers import PlainError
from infra.protocol import maintenance, values

PAUSE = 0.2
"""Seconds between two attempts."""

MAX_REDIRECTS = 10
HINT = (
    "The release passed its health check on the machine. Check the firewall (launchpad:web_cidrs), the proxy "
    "(launchpad:http_port), and whether the app is still healthy (launchpad status)."
)
UNMANAGED_HINT = (
    "The release passed its health check on the server. Launchpad manages no firewall there: the likely cause is one "
    "that does not let port {port} through, on the server or at its provider. Otherwise check whether the app is still "
    "healthy (launchpad status). If this computer is not to reach the port: launchpad:server.public_check false"
)


CLOSED = (
    "The site is closed for maintenance: visitors get 503 until launchpad maintenance off. The proxy answers; the "
    "release passed its health check on the machine, and was not asked from here."
)


class PublicCheckError(PlainError):
    """The app was not healthy at its public URL."""


@dataclass(frozen=True)
class PublicUrl:
    """The URL to check, and the responses that count as healthy.

    Attributes:
        address: The machine's IPv4 address or host name.
        host: The app's domain; the address if it has none.
        port: The port of the request.
        http_port: The proxy's plain HTTP port, which redirects may lead to.
        https: Whether the request uses HTTPS.
        path: The path of the health check.
        status: The healthy status codes, such as ``200,204`` or ``200-399``.
        ca: Additional trusted certificates (PEM); may be empty.
        timeout: Seconds until the app must be healthy.
        request_timeout: Seconds that one request may take.
        fronted: Whether a CDN or load balancer in front may offer HTTPS, where redirects may lead.
        unmanaged: Whether the machine's firewall is somebody else's.
        credentials: A user and the password that the proxy asks for, as USER:PASSWORD; empty if it asks for none.
    """

    address: str
    host: str
    port: int
    http_port: int
    https: bool
    path: str
    status: str
    ca: str
    timeout: float
    request_timeout: float = 10
    fronted: bool = False
    unmanaged: bool = False
    credentials: str = field(default="", repr=False)

    @property
    def hint(self) -> str:
        """What to look at where the app is not healthy."""
        return UNMANAGED_HINT.format(port=self.port) if self.unmanaged else HINT

    @property
    def public(self) -> Public:
        """The app's public host, ports and scheme."""
        if self.https:
            return Public(self.host, self.http_port, https=True, https_port=self.port)
        return Public(self.host, self.http_port, fronted=self.fronted)

    @classmethod
    def of(cls, properties: dict[str, Any]) -> PublicUrl:
        """Build it from a resource's properties, in which Pulumi stores every number as a float."""
        numbers = {name: int(properties[name]) for name in ("port", "http_port")}
        return cls(**{**properties, **numbers})


class ClosedError(Exception):
    """The proxy has answered that the site is closed for maintenance: nobody sees the app, as somebody wants it."""


class DomainConnection(http.client.HTTPSConnection):
    """HTTPS to an IP address with the domain's name, so that the check works before the domain's DNS record exists."""

    def __init__(self, address: str, port: int, domain: str, context: ssl.SSLContext, timeout: float) -> None:
        super().__init__(domain, port, timeout=timeout, context=context)
        self._address, self._domain, self._tls = address, domain, context

    def connect(self) -> None:
        """Connect to the machine's address and perform the TLS handshake for the domain."""
        raw = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = self._tls.wrap_socket(raw, server_hostname=self._domain)


def accepts(status: int, allowed: str) -> bool:
    """Whether a status code is among the allowed ones, such as ``200,204`` or ``200-399``."""
    return any(low <= status <= high for low, high in values.status_ranges(allowed))


def trust(ca: str) -> ssl.SSLContext:
    """Create the TLS context for checking the app's certificate.

    Args:
        ca: Certificates (PEM) to trust besides this computer's roots: a private server's root, or the app's own
            certificate. Every certificate in it is a trust anchor.

    Raises:
        ValueError: ``ca`` is not ASCII.
        ssl.SSLError: ``ca`` is not PEM.
    """
    context = ssl.create_default_context()
    if not ca.isascii():
        raise ValueError("the certificate is not in PEM format")
    if ca:
        context.load_verify_locations(cadata=ca)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def follow(public_url: PublicUrl, path: str, location: str) -> tuple[str, str]:
    """Follow a redirect.

    Args:
        public_url: The URL that is checked.
        path: The path that was requested.
        location: The response's ``Location`` header.

    Returns:
        The next path to request, or an empty one and the reason not to follow. The reason is empty too if the redirect
        leaves the app, which counts as healthy.
    """
    leads, target = redirects.follow(public_url.public, path, location)
    if leads is Leads.NOWHERE:
        return "", f"redirects to {target}, which is not a valid URL"
    if leads is Leads.HTTPS:
        return "", (
            f"redirects to {target}, but no domain is set, so nothing answers there: "
            "set launchpad:domain, or turn off the redirect (Django: SECURE_SSL_REDIRECT)"
        )
    return (target, "") if leads is Leads.HERE else ("", "")


def request(public_url: PublicUrl, path: str, cookies: dict[str, str]) -> tuple[int, str, str]:
    """Send one request.

    Args:
        public_url: The URL that is checked.
        path: The path to request.
        cookies: The cookies to send; those of the response are added.

    Returns:
        The status code, the ``Location`` header, and a summary of the response for messages.
    """
    address, port, limit = public_url.address, public_url.port, public_url.request_timeout
    connection: http.client.HTTPConnection
    if public_url.https:
        connection = DomainConnection(address, port, public_url.host, trust(public_url.ca), limit)
    else:
        connection = http.client.HTTPConnection(address, port, timeout=limit)
    more = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
    if public_url.credentials:
        more["Authorization"] = f"Basic {base64.b64encode(public_url.credentials.encode()).decode()}"
    try:
        connection.request(
            "GET",
            path,
            headers={"Host": public_url.public.authority, "User-Agent": "launchpad", "Accept": ACCEPT, **more},
        )
        response = connection.getresponse()
        if response.status == http.HTTPStatus.SERVICE_UNAVAILABLE and response.getheader(maintenance.HEADER):
            raise ClosedError
        for cookie in response.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].strip().partition("=")
            cookies[name] = value
        body = response.read(200).decode(errors="replace")
        summary = f"status {response.status} {response.reason}, first bytes {body!r}"
        location = (response.getheader("Location") or "").encode("latin-1", "replace").decode(errors="replace")
        return response.status, location, summary
    finally:
        connection.close()


def check(public_url: PublicUrl) -> str:
    """Check once, following redirects; returns what is wrong, or an empty string if the app is healthy."""
    try:
        return check_or_raise(public_url)
    except ssl.SSLCertVerificationError as error:
        return f"{type(error).__name__}: {error}"
    except ssl.SSLError as error:
        hint = "; is launchpad:acme_root or launchpad:tls_certificate in PEM format?" if public_url.ca else ""
        return f"{type(error).__name__}: {error}{hint}"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"


def check_or_raise(public_url: PublicUrl) -> str:
    """Do the same as ``check``, but raise connection errors."""
    path, cookies = public_url.path, dict[str, str]()
    seen = {(path, "{}")}
    while True:
        status, location, summary = request(public_url, path, cookies)
        hops = len(seen) - 1
        if not accepts(status, public_url.status) and not (
            hops and (200 <= status < 300 or status in redirects.STATUS)
        ):
            return f"{public_url.path} redirects to {path}, which gives {summary}" if hops else summary
        if status not in redirects.STATUS or not location:
            return ""
        target, wrong = follow(public_url, path, location)
        if not target:
            return wrong and f"status {status}: {path} {wrong}"
        if (target, str(cookies)) in seen or hops == MAX_REDIRECTS:
            return f"status {status}: {path} redirects to {target}, which is a redirect loop"
        seen.add((target, str(cookies)))
        path = target


def _problem(public_url: PublicUrl) -> str:
    """What is wrong, as ``check`` says it. Nothing is where the site is closed, and then not the app has answered."""
    try:
        return check(public_url)
    except ClosedError:
        print(CLOSED, file=sys.stderr, flush=True)
        return ""


def wait_until_healthy(public_url: PublicUrl) -> None:
    """Poll the public URL until it is healthy, or closed for maintenance, or the timeout expires.

    Raises:
        PublicCheckError: The timeout expired; with the last problem.
    """
    with ticking.ticking("waiting for the public URL"):
        deadline = time.monotonic() + public_url.timeout
        while problem := _problem(public_url):
            if time.monotonic() > deadline:
                place = f"{public_url.path} on port {public_url.port} of {public_url.address}"
                raise PublicCheckError(
                    f"{place} was not healthy within {public_url.timeout:.0f} s: {problem}\n{public_url.hint}"
                )
            time.sleep(PAUSE)
