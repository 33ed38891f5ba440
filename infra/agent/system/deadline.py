"""Gives up what a stranger's server may draw out for ever, a byte at a time: no limit to its silence ends that."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from infra.agent.system.failure import Failure

LEAST = 0.001
"""Seconds; zero would switch the timer off."""


@contextmanager
def by(until: float, message: str) -> Iterator[None]:
    """Interrupt what is done in the block when its time is over. For the main thread, and not one in another.

    Args:
        until: When that is, in seconds of the monotonic clock; infinite for never.
        message: What the failure says.

    Raises:
        Failure: It is over.
    """
    if until == float("inf"):
        yield
        return

    def give_up(*_: object) -> None:
        raise Failure(message)

    former = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, max(LEAST, until - time.monotonic()))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
