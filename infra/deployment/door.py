"""Asks the app through the machine's public door, as a visitor would; run at the desk as a script.

Proves what no check on the machine can: the firewall's rules, the proxy and, with a domain, the certificate. Redirects
are followed as a browser would follow them, as long as they stay at the app.
Input comes by the environment: LAUNCHPAD_ADDRESS, _PORT, _PATH, _STATUS, _HOST, _TLS (yes or no), _CA (PEM, may be
empty) and _PATIENCE (seconds).
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import sys
import time
import urllib.parse

from infra.deployment import ticking

PAUSE = 0.2
REDIRECTS = (301, 302, 303, 307, 308)
MOST_HOPS = 10


class Door(http.client.HTTPSConnection):
    """HTTPS to an address by the domain's name, so that the certificate is checked before the domain's DNS exists."""

    def __init__(self, address: str, port: int, domain: str, context: ssl.SSLContext) -> None:
        super().__init__(domain, port, timeout=10, context=context)
        self._address, self._domain, self._tls = address, domain, context

    def connect(self) -> None:
        """Connect to the machine's address and shake hands for the domain."""
        raw = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = self._tls.wrap_socket(raw, server_hostname=self._domain)


def accepts(status: int, allowed: str) -> bool:
    """Whether a status code is among the allowed ones, such as ``200,204`` or ``200-399``."""
    ranges = (part.partition("-") for part in allowed.split(","))
    return any(int(low) <= status <= int(high or low) for low, _, high in ranges)


def trust(ca: str) -> ssl.SSLContext:
    """What a certificate is checked against: the computer's roots, and the given PEM.

    That may be a private server's root or the app's own certificate, so any certificate in it counts as an anchor.
    """
    context = ssl.create_default_context()
    if not ca.isascii():
        raise ValueError("the certificate that was given is not in PEM form")
    if ca:
        context.load_verify_locations(cadata=ca)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def authority(given: dict[str, str]) -> str:
    """The Host header of a visitor's request: with the port where it is not the usual one."""
    usual = "443" if given["TLS"] == "yes" else "80"
    return given["HOST"] if given["PORT"] == usual else f"{given['HOST']}:{given['PORT']}"


def follow(given: dict[str, str], path: str, location: str) -> tuple[str, str]:
    """Where a redirect leads: the next path to ask for, or an empty one and why it is not asked for.

    That reason is empty, too, where the redirect leaves the app, which is right as far as anybody can tell from here.
    """
    secure = given["TLS"] == "yes"
    try:
        url = urllib.parse.urljoin(f"{'https' if secure else 'http'}://{authority(given)}{path}", location.strip())
        parts = urllib.parse.urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "", f"redirects to {location}, which is no URL"
    if (parts.hostname or "").rstrip(".") != given["HOST"].lower():
        return "", ""
    if parts.scheme == "https" and port == 443 and not secure:
        return "", (
            f"redirects to {url}, but no domain is set, so nothing answers there: "
            "set launchpad:domain, or turn off the redirect (Django: SECURE_SSL_REDIRECT)"
        )
    own = (str(port) == given["PORT"]) if parts.scheme == ("https" if secure else "http") else secure
    there = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
    return (urllib.parse.quote(there, safe="/%:@!$&'()*+,;=~?[]"), "") if own else ("", "")


def request(given: dict[str, str], path: str, cookies: dict[str, str]) -> tuple[int, str, str]:
    """One request: status, location and what it says. Keeps the cookies that come with the answer."""
    address, port = given["ADDRESS"], int(given["PORT"])
    connection: http.client.HTTPConnection
    if given["TLS"] == "yes":
        connection = Door(address, port, given["HOST"], trust(given["CA"]))
    else:
        connection = http.client.HTTPConnection(address, port, timeout=10)
    kept = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
    try:
        connection.request("GET", path, headers={"Host": authority(given), "User-Agent": "launchpad", **kept})
        answer = connection.getresponse()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].strip().partition("=")
            cookies[name] = value
        said = f"status {answer.status} {answer.reason}, first bytes {answer.read(200).decode(errors='replace')!r}"
        location = (answer.getheader("Location") or "").encode("latin-1", "replace").decode(errors="replace")
        return answer.status, location, said
    finally:
        connection.close()


def knock(given: dict[str, str]) -> str:
    """Ask once, along redirects; returns an empty string where the answer is good, else what was wrong with it."""
    try:
        return walk(given)
    except ssl.SSLCertVerificationError as error:
        return f"{type(error).__name__}: {error}"
    except ssl.SSLError as error:
        hint = "; is launchpad:acme_root or launchpad:tls_certificate a certificate in PEM form?" if given["CA"] else ""
        return f"{type(error).__name__}: {error}{hint}"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"


def walk(given: dict[str, str]) -> str:
    """As ``knock``; what goes wrong on the way is raised."""
    path, cookies = given["PATH"], dict[str, str]()
    seen = {(path, "{}")}
    while True:
        status, location, said = request(given, path, cookies)
        hops = len(seen) - 1
        if not accepts(status, given["STATUS"]) and not (hops and (200 <= status < 300 or status in REDIRECTS)):
            return f"{given['PATH']} redirects to {path}, which gives {said}" if hops else said
        if status not in REDIRECTS or not location:
            return ""
        target, wrong = follow(given, path, location)
        if not target:
            return wrong and f"status {status}: {path} {wrong}"
        if (target, str(cookies)) in seen or hops == MOST_HOPS:
            return f"status {status}: {path} redirects to {target}, and so back to where it began"
        seen.add((target, str(cookies)))
        path = target


def main(environment: dict[str, str]) -> int:
    """Knock until the answer is good or the patience ends."""
    names = ("ADDRESS", "PORT", "PATH", "STATUS", "HOST", "TLS", "CA", "PATIENCE")
    given = {name: environment[f"LAUNCHPAD_{name}"] for name in names}
    with ticking.ticking("waiting for a good answer"):
        return until_good(given)


def until_good(given: dict[str, str]) -> int:
    """Ask again and again; the exit status."""
    end = time.monotonic() + float(given["PATIENCE"])
    while wrong := knock(given):
        if time.monotonic() > end:
            asked = f"{given['PATH']} on port {given['PORT']} of {given['ADDRESS']}"
            print(
                f"{asked} gave for {given['PATIENCE']} s: {wrong}",
                "The release passed its health check on the machine when it went out. Between that and here are the "
                "firewall (launchpad:web_cidrs), the proxy (launchpad:http_port), and the app since: make status.",
                sep="\n",
                file=sys.stderr,
            )
            return 1
        time.sleep(PAUSE)
    print("answers")
    return 0


if __name__ == "__main__":
    sys.exit(main(dict(os.environ)))
