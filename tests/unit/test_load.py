"""What the visitors of the tests under load count as a failure."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.agent.load import Load

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\none\n"


@contextmanager
def server(answers: int, last: bytes) -> Iterator[int]:
    """A server whose connections give so many answers, then for one request only these bytes; yields its port."""
    started, stop = threading.Event(), asyncio.Event()
    ports: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            for answer in [ANSWER] * answers + [last]:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answer)
        writer.close()

    async def run() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
            ports.append(listening.sockets[0].getsockname()[1])
            started.set()
            await stop.wait()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    started.wait()
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.mark.parametrize(
    ("browser", "answers", "last", "failures"),
    [
        (True, 1, b"", set()),
        (False, 1, b"", {"keep-alive: UnansweredError"}),
        (True, 0, b"", {"keep-alive: UnansweredError"}),
        (True, 1, b"HTTP/1.1 ", {"keep-alive: IncompleteReadError"}),
    ],
    ids=["a browser sends it again", "a strict client does not", "never on a fresh connection", "nor a cut-off answer"],
)
def test_a_request_on_a_used_connection_that_closes_unanswered_is_sent_again_by_a_browser_only(
    browser: bool, answers: int, last: bytes, failures: set[str]
) -> None:
    with server(answers, last) as port, Load("127.0.0.1", 1, 0, browser=browser, port=port) as load:
        while len(load.answers) + len(load.failures) < 4:
            time.sleep(0.01)
    assert {failure.split("(")[0] for failure in load.failures} == failures
    assert {answer.marker for answer in load.answers} == ({"one"} if answers else set())
