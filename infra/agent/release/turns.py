"""Whose turn it is: the deployments of an app in the order of the requests.

Every request takes a number when it arrives, and they are let in by number. A request that comes too late, after a
newer one was let in, is refused: an older commit is never deployed over a newer one.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from infra.agent.system import locks
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.agent.system.locks import Holder

GRACE = 5.0
"""Seconds after which a request whose time is up no longer keeps others waiting (its process may be stopped)."""


@dataclass
class Waiting:
    """One waiting request, and until when it waits at most (seconds since the epoch)."""

    number: int
    holder: Holder
    until: float

    def counts(self) -> bool:
        """Whether others have to let it go first."""
        return self.holder.alive() and time.time() < self.until + GRACE


@dataclass
class Turns:
    """What the file says.

    Attributes:
        last: The last number that was given out.
        accepted: The highest number that was let in.
        newest: Who that was, and for what.
        waiting: Who waits, in order.
    """

    last: int = 0
    accepted: int = 0
    newest: str = ""
    waiting: list[Waiting] = field(default_factory=list)


def parse(text: str) -> Turns:
    """The turns in a file's text; fresh ones if it is empty or damaged."""
    try:
        value = json.loads(text)
        waiting = [
            Waiting(int(item["number"]), Holder(**item["holder"]), float(item["until"])) for item in value["waiting"]
        ]
        return Turns(int(value["last"]), int(value["accepted"]), str(value["newest"]), waiting)
    except (ValueError, KeyError, TypeError):
        return Turns()


@contextmanager
def _turns(app: App) -> Iterator[Turns]:
    """The turns, locked meanwhile. Changes are written back, without the processes that have exited."""
    handle = locks.open_file(app.turns)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        turns = parse(os.pread(handle, 1_000_000, 0).decode(errors="replace"))
        before = asdict(turns)
        turns.waiting = [request for request in turns.waiting if request.holder.alive()]
        yield turns
        if asdict(turns) != before:
            content = (json.dumps(asdict(turns)) + "\n").encode()
            os.pwrite(handle, content, 0)
            os.ftruncate(handle, len(content))
    finally:
        os.close(handle)


def take(app: App, holder: Holder, timeout: float) -> int:
    """Take a number.

    Args:
        app: The app.
        holder: Who waits.
        timeout: Seconds to wait at most.
    """
    with _turns(app) as turns:
        turns.last += 1
        turns.waiting.append(Waiting(turns.last, holder, time.time() + timeout))
        return turns.last


def leave(app: App, number: int) -> None:
    """Give a number back."""
    with _turns(app) as turns:
        turns.waiting = [request for request in turns.waiting if request.number != number]


def before(app: App, number: int) -> list[Holder]:
    """Who came earlier and is still waiting."""
    with _turns(app) as turns:
        return [request.holder for request in turns.waiting if request.number < number and request.counts()]


def is_next(app: App, number: int) -> bool:
    """Whether nobody who came earlier is still waiting."""
    return not before(app, number)


def accept(app: App, number: int) -> None:
    """Let a request in that holds the app's lock by now.

    Raises:
        Failure: A newer one was let in before.
    """
    with _turns(app) as turns:
        own = next((request.holder for request in turns.waiting if request.number == number), None)
        turns.waiting = [request for request in turns.waiting if request.number != number]
        if turns.accepted > number:
            raise Failure(
                f"A newer deployment ({turns.newest}) went first, so this older one was skipped. "
                "To deploy it anyway, run it again."
            )
        turns.accepted = number
        turns.newest = f"{own.what} by {own.who}" if own else "unknown"


def waiting(app: App) -> list[Holder]:
    """Who waits, in order."""
    if not app.turns.exists():
        return []
    with _turns(app) as turns:
        return [request.holder for request in turns.waiting]
