"""One deployment at a time. The kernel holds the lock, so a dead holder holds nothing; the file says who it is."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime

from . import say, sockets
from .failure import Failure
from .layout import App

REMIND = 10.0
"""Seconds between two lines that say we still wait."""


@dataclass(frozen=True)
class Holder:
    """Who holds the lock, since when (seconds since the epoch), for what, and as which process."""

    who: str
    since: float
    what: str
    pid: int
    born: str = ""

    def words(self) -> str:
        """The holder in words."""
        when = datetime.fromtimestamp(self.since).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
        return f"{self.who} since {when} ({max(0, time.time() - self.since):.0f} s) for {self.what}, process {self.pid}"

    def alive(self) -> bool:
        """Whether the holder's process still runs."""
        return bool(self.born) and sockets.born(self.pid) == self.born


def current(app: App) -> Holder | None:
    """What the lock's file says about its holder, who may be dead; None where nobody holds it."""
    try:
        return parse(app.lock.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def parse(text: str) -> Holder | None:
    """The holder in a lock file's text; None in an empty or damaged one."""
    try:
        value = json.loads(text)
        return Holder(
            str(value["who"]), float(value["since"]), str(value["what"]), int(value["pid"]), str(value["born"])
        )
    except (ValueError, KeyError, TypeError):
        return None


@contextmanager
def held(app: App, who: str, what: str, timeout: float) -> Iterator[None]:
    """Hold the app's lock. Waits up to ``timeout`` seconds for another deployment, then fails saying whose it is."""
    app.lock.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(app.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _wait(app, handle, timeout)
        before = parse(os.pread(handle, 65536, 0).decode(errors="replace"))
        if before:
            say.step("lock", f"taken over: it was held by {before.words()}, which is gone without finishing")
        _note(handle, Holder(who, time.time(), what, os.getpid(), sockets.born(os.getpid())))
        try:
            yield
        finally:
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _wait(app: App, handle: int, timeout: float) -> None:
    began = time.monotonic()
    told = -REMIND
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            pass
        holder = current(app)
        whose = holder.words() if holder else "another deployment that has just begun"
        waited = time.monotonic() - began
        if waited >= timeout:
            raise Failure(
                f"Another deployment of {app.name} is under way: the lock is held by {whose}.\n"
                f"Waited {timeout:g} s for it. Wait for it, or stop it: sudo launchpad-host unlock --app {app.name}"
            )
        if waited - told >= REMIND:
            told = waited
            say.step("lock", f"waiting for the deployment of {whose}; giving up in {timeout - waited:.0f} s")
        time.sleep(0.1)


def _note(handle: int, holder: Holder) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, (json.dumps(asdict(holder)) + "\n").encode(), 0)
