"""Locks that the kernel holds, so that a dead holder holds nothing; the files say who the holder is.

They lie in a directory of root's where no other user can make, open or hold anything.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from . import say, sockets
from .failure import Failure, Interrupted
from .layout import RUN

REMIND = 10.0
"""Seconds between two lines that say who it is that we wait for."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lock, since when (seconds since the epoch), for what, and as which process."""

    who: str
    since: float
    what: str
    pid: int
    born: str = ""

    @classmethod
    def ourselves(cls, who: str, what: str) -> Holder:
        """This process, from now on."""
        return cls(who, time.time(), what, os.getpid(), sockets.born(os.getpid()))

    def words(self) -> str:
        """The holder in words."""
        when = datetime.fromtimestamp(self.since).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
        return f"{self.who} since {when} ({max(0, time.time() - self.since):.0f} s) for {self.what}, process {self.pid}"

    def alive(self) -> bool:
        """Whether the holder's process still runs."""
        return bool(self.born) and sockets.born(self.pid) == self.born


def parse(text: str) -> Holder | None:
    """The holder in a lock file's text; None in an empty or damaged one."""
    try:
        value = json.loads(text)
        return Holder(
            str(value["who"]), float(value["since"]), str(value["what"]), int(value["pid"]), str(value["born"])
        )
    except (ValueError, KeyError, TypeError):
        return None


def of(path: Path) -> Holder | None:
    """What a lock's file says about its holder, who may be dead; None where nobody holds it."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def open_file(path: Path) -> int:
    """Open a file in the directory of locks, made where it is not there; refuses what another user may have placed."""
    RUN.mkdir(mode=0o700, exist_ok=True)
    folder = os.open(RUN, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        status = os.fstat(folder)
        if status.st_uid != os.geteuid() or not stat.S_ISDIR(status.st_mode):
            raise Failure(f"{RUN} belongs to another user than root; remove it and try again.")
        if status.st_mode & 0o077:
            os.fchmod(folder, 0o700)
        return os.open(path.name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    finally:
        os.close(folder)


def note(handle: int, holder: Holder | None) -> None:
    """Write down who holds a lock; nobody, where None."""
    content = (json.dumps(asdict(holder)) + "\n").encode() if holder else b""
    os.ftruncate(handle, 0)
    os.pwrite(handle, content, 0)


@dataclass(frozen=True)
class Words:
    """What somebody else is doing meanwhile, in words: at the beginning of a sentence and in it, and what to do."""

    begin: str
    inside: str
    remedy: str


def wait(taken: Callable[[], bool], whose: Callable[[], str], timeout: float, words: Words) -> None:
    """Wait up to ``timeout`` seconds until ``taken``; says for whom it waits (``whose``), and ends without a reader."""
    began = time.monotonic()
    told = -REMIND
    while not taken():
        if say.unread():
            raise Interrupted("Nobody reads this any more: the connection is gone, so this no longer waits.")
        waited = time.monotonic() - began
        if waited >= timeout:
            raise Failure(
                f"{words.begin} is under way: the lock is held by {whose()}.\n"
                f"Waited {timeout:g} s for it. {words.remedy}"
            )
        if waited - told >= REMIND:
            told = waited
            say.step("lock", f"waiting for {words.inside} {whose()}; giving up in {timeout - waited:.0f} s")
        time.sleep(0.1)


def try_lock(handle: int, how: int = fcntl.LOCK_EX) -> bool:
    """Take a lock where nobody holds it."""
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
