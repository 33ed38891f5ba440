"""Locks that the kernel holds, so that a process that exited holds none; the lock files say who the holder is.

They are in a directory of root's, where no other user can make, open or hold anything.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from infra.agent.system import say
from infra.agent.system.failure import Failure, Interrupted
from infra.agent.system.layout import RUN
from infra.common import procfs

REMIND = 10.0
"""Seconds between two lines that say for whom we wait."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lock, since when (seconds since the epoch), for what, and as which process.

    ``start_time`` is that of the process (see procfs.start_time); 0 if it is not known.
    """

    who: str
    since: float
    what: str
    pid: int
    start_time: int = 0

    @classmethod
    def ourselves(cls, who: str, what: str) -> Holder:
        """This process, from now on."""
        return cls(who, time.time(), what, os.getpid(), procfs.start_time(os.getpid()))

    def describe(self) -> str:
        """The holder as a person reads it."""
        when = datetime.fromtimestamp(self.since).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
        return f"{self.who} since {when} ({max(0, time.time() - self.since):.0f} s) for {self.what}, process {self.pid}"

    def alive(self) -> bool:
        """Whether the holder's process still runs."""
        return bool(self.start_time) and procfs.start_time(self.pid) == self.start_time


def parse(text: str) -> Holder | None:
    """The holder in a lock file's text; None in an empty or damaged one."""
    try:
        value = json.loads(text)
        return Holder(
            str(value["who"]), float(value["since"]), str(value["what"]), int(value["pid"]), int(value["start_time"])
        )
    except (ValueError, KeyError, TypeError):
        return None


def of(path: Path) -> Holder | None:
    """What a lock's file says about its holder, who may have exited; None if nobody holds it."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def open_file(path: Path) -> int:
    """Open a lock file, and make it if there is none.

    Raises:
        Failure: The directory of the locks belongs to another user, who may have put anything there.
    """
    RUN.mkdir(mode=0o700, exist_ok=True)
    folder = os.open(RUN, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        status = os.fstat(folder)
        if status.st_uid != os.geteuid() or not stat.S_ISDIR(status.st_mode):
            raise Failure(f"{RUN} does not belong to root. Remove it and try again.")
        if status.st_mode & 0o077:
            os.fchmod(folder, 0o700)
        return os.open(path.name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    finally:
        os.close(folder)


def note(handle: int, holder: Holder | None) -> None:
    """Write down who holds a lock; None for nobody."""
    content = (json.dumps(asdict(holder)) + "\n").encode() if holder else b""
    os.ftruncate(handle, 0)
    os.pwrite(handle, content, 0)


@contextmanager
def noted(handle: int, who: str, what: str) -> Iterator[None]:
    """Say of a lock that we have taken who holds it and what for, as long as the block lasts."""
    note(handle, Holder.ourselves(who, what))
    try:
        yield
    finally:
        note(handle, None)


@dataclass(frozen=True)
class Messages:
    """How a person reads of a lock that somebody else holds.

    Attributes:
        subject: What is under way, at the beginning of a sentence.
        waiting_for: What we wait for, before the holder.
        remedy: What to do when the time is up.
    """

    subject: str
    waiting_for: str
    remedy: str


def wait(taken: Callable[[], bool], whose: Callable[[], str], timeout: float, messages: Messages) -> None:
    """Wait until a lock is taken, and report now and then for whom.

    Args:
        taken: Tries to take the lock; whether it did.
        whose: Describes who holds it.
        timeout: Seconds to wait at most.
        messages: What a person reads meanwhile.

    Raises:
        Failure: The time is up.
        Interrupted: The connection was lost, so nobody would read of the result.
    """
    began = time.monotonic()
    reported = -REMIND
    while not taken():
        if say.unread():
            raise Interrupted("The connection was lost, so this request no longer waits for its turn.")
        waited = time.monotonic() - began
        if waited >= timeout:
            raise Failure(
                f"{messages.subject} is under way: the lock is held by {whose()}.\n"
                f"Waited {timeout:g} s for it. {messages.remedy}"
            )
        if waited - reported >= REMIND:
            reported = waited
            say.step("lock", f"waiting for {messages.waiting_for} {whose()}; giving up in {timeout - waited:.0f} s")
        time.sleep(0.1)


def try_lock(handle: int, how: int = fcntl.LOCK_EX) -> bool:
    """Take a lock if nobody holds it; says whether it did.

    Raises:
        Failure: The lock's file is gone, so that it keeps nobody out any more: its owner was removed from the machine.
    """
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    if not os.fstat(handle).st_nlink:
        raise Failure("What this request waited for was removed from the machine meanwhile. Run it again.")
    return True
