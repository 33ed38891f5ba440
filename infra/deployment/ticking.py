"""Progress lines for work that prints nothing itself."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

QUIET = 2.5
"""Seconds between two lines."""
LONG, RARE = 30.0, 15.0
"""After ``LONG`` seconds, a line is printed only every ``RARE`` seconds."""


@contextmanager
def ticking(what: str) -> Iterator[None]:
    """Print regularly to standard error that ``what`` is still in progress."""
    ended = threading.Event()
    started = time.monotonic()

    def tick() -> None:
        while not ended.wait(QUIET if time.monotonic() - started < LONG else RARE):
            print(f"{what} ({time.monotonic() - started:.0f} s)", file=sys.stderr, flush=True)

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
