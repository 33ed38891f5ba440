"""Whose turn it is: the deployments of an app in the order in which they were asked for.

Every request takes a number when it arrives. They are let in by number, and one that comes too late (a newer one was
let in already) is refused: an older commit never comes over a newer one.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from . import locks
from .failure import Failure
from .layout import App
from .locks import Holder

GRACE = 5.0
"""Seconds after which one that should have given up no longer keeps others waiting (it may be stopped)."""


@dataclass
class Waiting:
    """One request that waits, until when at most (seconds since the epoch)."""

    number: int
    holder: Holder
    until: float

    def counts(self) -> bool:
        """Whether others have to let it go first."""
        return self.holder.alive() and time.time() < self.until + GRACE


@dataclass
class Turns:
    """What the file says: the last number given, the newest that was let in, and who waits."""

    last: int = 0
    accepted: int = 0
    newest: str = ""
    waiting: list[Waiting] = field(default_factory=list)


def parse(text: str) -> Turns:
    """The turns in a file's text; the beginning in an empty or damaged one."""
    try:
        value = json.loads(text)
        waiting = [
            Waiting(int(each["number"]), Holder(**each["holder"]), float(each["until"])) for each in value["waiting"]
        ]
        return Turns(int(value["last"]), int(value["accepted"]), str(value["newest"]), waiting)
    except (ValueError, KeyError, TypeError):
        return Turns()


@contextmanager
def _turns(app: App) -> Iterator[Turns]:
    """The turns, ours alone meanwhile; what is changed in them is written back, without the dead."""
    handle = locks.open_file(app.turns)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        turns = parse(os.pread(handle, 1_000_000, 0).decode(errors="replace"))
        before = asdict(turns)
        turns.waiting = [each for each in turns.waiting if each.holder.alive()]
        yield turns
        if asdict(turns) != before:
            content = (json.dumps(asdict(turns)) + "\n").encode()
            os.pwrite(handle, content, 0)
            os.ftruncate(handle, len(content))
    finally:
        os.close(handle)


def take(app: App, holder: Holder, timeout: float) -> int:
    """Take a number and wait by it."""
    with _turns(app) as turns:
        turns.last += 1
        turns.waiting.append(Waiting(turns.last, holder, time.time() + timeout))
        return turns.last


def leave(app: App, number: int) -> None:
    """Wait no longer."""
    with _turns(app) as turns:
        turns.waiting = [each for each in turns.waiting if each.number != number]


def before(app: App, number: int) -> list[Holder]:
    """Who came earlier and still waits."""
    with _turns(app) as turns:
        return [each.holder for each in turns.waiting if each.number < number and each.counts()]


def is_next(app: App, number: int) -> bool:
    """Whether nobody who came earlier still waits."""
    return not before(app, number)


def accept(app: App, number: int) -> None:
    """Let a request in, who holds the app's lock by now; a Failure where a newer one was let in before."""
    with _turns(app) as turns:
        own = next((each.holder for each in turns.waiting if each.number == number), None)
        turns.waiting = [each for each in turns.waiting if each.number != number]
        if turns.accepted > number:
            raise Failure(
                f"A newer deployment ({turns.newest}) went first, so this one is not done: it is older. "
                "To deploy it all the same, ask again."
            )
        turns.accepted = number
        turns.newest = f"{own.what} by {own.who}" if own else "unknown"


def waiting(app: App) -> list[Holder]:
    """Who waits, in order."""
    if not app.turns.exists():
        return []
    with _turns(app) as turns:
        return [each.holder for each in turns.waiting]
