"""Says now and then that something is still going on, where it says nothing itself."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

QUIET = 2.5
"""Seconds between two lines."""
LONG, RARE = 30.0, 15.0
"""After ``LONG`` seconds, there are ``RARE`` seconds between two lines."""


@contextmanager
def ticking(what: str) -> Iterator[None]:
    """Say on standard error that ``what`` goes on, as long as it does."""
    done = threading.Event()
    began = time.monotonic()

    def tick() -> None:
        while not done.wait(QUIET if time.monotonic() - began < LONG else RARE):
            print(f"{what} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
