"""Constant load on a site: keep-alive and fresh connections side by side, every answer kept with its time."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass, field

PAUSE = 0.05
"""Seconds between two requests of one connection."""


class UnansweredError(ConnectionError):
    """The server closed the connection before the first byte of an answer."""


@dataclass(frozen=True)
class Answer:
    """One answer: when its request was sent, and the marker of the revision that gave it."""

    sent: float
    marker: str


@dataclass
class Load:
    """Runs in a thread of its own while the ``with`` block runs.

    With ``browser`` a client treats idle connections as browsers do: a reload of the proxy closes those. The client
    looks before each request whether its connection is closed, and where the server closed it just as the request went
    out, with no byte of an answer, the client sends it once more over a fresh one (RFC 9112, 9.3.1; Chromium's
    ShouldResendRequest). A switch closes no connection, so without it the client is stricter.
    """

    address: str
    keep_alive: int = 20
    fresh: int = 20
    browser: bool = False
    port: int = 80
    answers: list[Answer] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Load:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    async def _run(self) -> None:
        kept = [self._visit(keep=True) for _ in range(self.keep_alive)]
        await asyncio.gather(*kept, *(self._visit(keep=False) for _ in range(self.fresh)))

    async def _visit(self, *, keep: bool) -> None:
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while not self._stop.is_set():
            if self.browser and streams and streams[0].at_eof():
                streams[1].close()
                streams = None
            used = streams is not None
            sent = time.monotonic()
            again, keep_it = False, keep
            try:
                streams = streams or await asyncio.open_connection(self.address, self.port)
                body = await asyncio.wait_for(self._request(*streams, keep=keep), 30)
                self.answers.append(Answer(sent, body.split()[0]))
            except (OSError, EOFError, ValueError, IndexError, TimeoutError) as error:
                again, keep_it = self.browser and used and isinstance(error, UnansweredError), False
                if not again:
                    self.failures.append(f"{'keep-alive' if keep else 'fresh'}: {error!r}")
            if streams and not keep_it:
                streams[1].close()
                streams = None
            if not again:
                await asyncio.sleep(PAUSE)
        if streams:
            streams[1].close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, keep: bool) -> str:
        connection = "keep-alive" if keep else "close"
        writer.write(f"GET / HTTP/1.1\r\nHost: {self.address}\r\nConnection: {connection}\r\n\r\n".encode())
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise
            raise UnansweredError("closed with no byte of an answer") from error
        except ConnectionError as error:
            raise UnansweredError(repr(error)) from error
        lines = head.split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        body = (await reader.readexactly(int(headers["content-length"]))).decode()
        if " 200 " not in f"{lines[0]} ":
            raise ValueError(f"{lines[0]}: {body[:100]}")
        return body

    def not_from(self, marker: str, begin: float, end: float) -> list[Answer]:
        """The answers to requests sent in a span of time that did not come from a revision."""
        return [one for one in self.answers if begin < one.sent < end and one.marker != marker]
