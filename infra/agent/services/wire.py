"""A connection to a server that nobody trusts yet: each wait and each answer has a limit."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time

LIMIT = 10.0
"""Seconds that a server may take for everything."""
LONGEST = 65536
"""Bytes of one answer."""


class Closed(Exception):
    """The server closed the connection instead of an answer."""


class NotSpoken(Exception):
    """The server answered, and not in the protocol that was expected."""


class Wire:
    """A connection."""

    def __init__(self, host: str, port: int) -> None:
        """Connect.

        Raises:
            OSError: Why that is not possible; ``socket.gaierror`` if there is no such host.
        """
        self.until = time.monotonic() + LIMIT
        self.host = host
        self.socket = socket.create_connection((host, port), timeout=LIMIT)

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(OSError):
            self.socket.close()

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self._limit()
        self.socket.sendall(data)

    def take(self, count: int) -> bytes:
        """The next bytes, just as many.

        Raises:
            Closed: There are no more.
            NotSpoken: They are too many for any answer.
        """
        if not 0 <= count <= LONGEST:
            raise NotSpoken
        data = b""
        while len(data) < count:
            self._limit()
            more = self.socket.recv(count - len(data))
            if not more:
                raise Closed
            data += more
        return data

    def line(self) -> bytes:
        """The bytes up to the next line's end, without it."""
        data = b""
        while not data.endswith(b"\r\n"):
            if len(data) > LONGEST // 16:
                raise NotSpoken
            data += self.take(1)
        return data[:-2]

    def encrypt(self, *, verify: bool) -> None:
        """Go on with TLS.

        Args:
            verify: Whether its certificate has to be one that this machine trusts.

        Raises:
            ssl.SSLError: It is not possible.
        """
        context = ssl.create_default_context()
        if not verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        self._limit()
        self.socket = context.wrap_socket(self.socket, server_hostname=self.host)

    def _limit(self) -> None:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.socket.settimeout(left)
