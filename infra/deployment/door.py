"""Asks the app through the machine's public door, as a visitor would; run at the desk as a script.

Proves what no check on the machine can: the firewall's rules, the proxy and, with a domain, the certificate.
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

PAUSE = 0.2


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
    if ca:
        context.load_verify_locations(cadata=ca)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def knock(given: dict[str, str]) -> str:
    """One request; returns an empty string where the answer is good, else what was wrong with it."""
    address, port = given["ADDRESS"], int(given["PORT"])
    connection: http.client.HTTPConnection
    if given["TLS"] == "yes":
        connection = Door(address, port, given["HOST"], trust(given["CA"]))
    else:
        connection = http.client.HTTPConnection(address, port, timeout=10)
    try:
        connection.request("GET", given["PATH"], headers={"Host": given["HOST"], "User-Agent": "launchpad"})
        answer = connection.getresponse()
        if accepts(answer.status, given["STATUS"]):
            return ""
        return f"status {answer.status} {answer.reason}, first bytes {answer.read(200).decode(errors='replace')!r}"
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        connection.close()


def main(environment: dict[str, str]) -> int:
    """Knock until the answer is good or the patience ends."""
    names = ("ADDRESS", "PORT", "PATH", "STATUS", "HOST", "TLS", "CA", "PATIENCE")
    given = {name: environment[f"LAUNCHPAD_{name}"] for name in names}
    end = time.monotonic() + float(given["PATIENCE"])
    while wrong := knock(given):
        if time.monotonic() > end:
            asked = f"{given['PATH']} on port {given['PORT']} of {given['ADDRESS']}"
            print(
                f"The app is healthy on the machine, but {asked} gave for {given['PATIENCE']} s: {wrong}\n"
                "Look at launchpad:web_cidrs and launchpad:http_port, and at `make status`.",
                file=sys.stderr,
            )
            return 1
        time.sleep(PAUSE)
    print("answers")
    return 0


if __name__ == "__main__":
    sys.exit(main(dict(os.environ)))
