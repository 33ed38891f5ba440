"""Constant load on a site: keep-alive and fresh connections side by side, every answer kept with its time."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass, field

PAUSE = 0.05
"""Seconds between two requests of one connection."""


@dataclass(frozen=True)
class Answer:
    """One answer: when its request was sent, and the marker of the revision that gave it."""

    sent: float
    marker: str


@dataclass
class Load:
    """Runs in a thread of its own while the ``with`` block runs.

    With ``looks`` a client looks before each request whether the server has closed its idle connection, as browsers and
    HTTP libraries do: a reload of the proxy closes those. A switch closes none, so without it the client is stricter.
    """

    address: str
    keep_alive: int = 20
    fresh: int = 20
    looks: bool = False
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
            if self.looks and streams and streams[0].at_eof():
                streams[1].close()
                streams = None
            sent = time.monotonic()
            try:
                streams = streams or await asyncio.open_connection(self.address, self.port)
                body = await asyncio.wait_for(self._request(*streams, keep=keep), 30)
                self.answers.append(Answer(sent, body.split()[0]))
            except (OSError, EOFError, ValueError, IndexError, TimeoutError) as error:
                self.failures.append(f"{'keep-alive' if keep else 'fresh'}: {error!r}")
                keep_it = False
            else:
                keep_it = keep
            if streams and not keep_it:
                streams[1].close()
                streams = None
            await asyncio.sleep(PAUSE)
        if streams:
            streams[1].close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, keep: bool) -> str:
        connection = "keep-alive" if keep else "close"
        writer.write(f"GET / HTTP/1.1\r\nHost: {self.address}\r\nConnection: {connection}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        body = (await reader.readexactly(int(headers["content-length"]))).decode()
        if " 200 " not in f"{lines[0]} ":
            raise ValueError(f"{lines[0]}: {body[:100]}")
        return body

    def not_from(self, marker: str, begin: float, end: float) -> list[Answer]:
        """The answers to requests sent in a span of time that did not come from a revision."""
        return [one for one in self.answers if begin < one.sent < end and one.marker != marker]
