"""Who may do what at the same time: one deployment of an app at a time, and none while the machine is prepared."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from . import locks, say, turns
from .layout import FORMER_LOCKS, MACHINE_LOCK, RUN, App
from .locks import Holder


def current(app: App) -> Holder | None:
    """What the lock's file says about its holder, who may be dead; None where nobody holds it."""
    return locks.of(app.lock)


@contextmanager
def deploying(app: App, who: str, what: str, timeout: float) -> Iterator[None]:
    """Hold the app's lock, and the machine as it was prepared.

    Waits up to ``timeout`` seconds for other deployments of the app, in the order in which they were asked for, and for
    ``prepare``. Nothing waits for the app's lock while it holds the machine's, so nobody waits in a circle.
    """
    with _one(app, who, what, timeout), _machine(timeout):
        yield


@contextmanager
def preparing(app: App, who: str, timeout: float) -> Iterator[None]:
    """Hold the machine alone; waits up to ``timeout`` seconds for another ``prepare`` and all deployments."""
    handle = locks.open_file(MACHINE_LOCK)
    try:
        locks.wait(
            lambda: locks.try_lock(handle),
            _busy,
            timeout,
            locks.Words(
                "Something else on this machine", "the machine, which is used by", "Try again, or raise lock_timeout."
            ),
        )
        locks.note(handle, Holder.ourselves(who, f"preparing the machine for {app.name}"))
        try:
            yield
        finally:
            locks.note(handle, None)
    finally:
        os.close(handle)


@contextmanager
def _one(app: App, who: str, what: str, timeout: float) -> Iterator[None]:
    handle = locks.open_file(app.lock)
    former = _former(app)
    own = Holder.ourselves(who, what)
    number = turns.take(app, own, timeout)
    try:
        try:
            locks.wait(
                lambda: (
                    turns.is_next(app, number) and locks.try_lock(handle) and (former < 0 or locks.try_lock(former))
                ),
                lambda: _ahead(app, number),
                timeout,
                locks.Words(
                    f"Another deployment of {app.name}",
                    "the deployment of",
                    f"Wait for it, or stop it: sudo launchpad-host unlock --app {app.name}",
                ),
            )
            turns.accept(app, number)
        finally:
            turns.leave(app, number)
        before = locks.parse(os.pread(handle, 65536, 0).decode(errors="replace"))
        if before:
            say.step("lock", f"taken over: it was held by {before.words()}, which is gone without finishing")
        locks.note(handle, Holder.ourselves(who, what))
        try:
            yield
        finally:
            locks.note(handle, None)
    finally:
        os.close(handle)
        if former >= 0:
            os.close(former)


@contextmanager
def _machine(timeout: float) -> Iterator[None]:
    """Keep ``prepare`` from changing the machine meanwhile; other apps deploy at the same time."""
    handle = locks.open_file(MACHINE_LOCK)
    try:
        locks.wait(
            lambda: locks.try_lock(handle, fcntl.LOCK_SH),
            lambda: holder.words() if (holder := locks.of(MACHINE_LOCK)) else "a prepare that has just begun",
            timeout,
            locks.Words("Preparing this machine", "the machine to be prepared by", "Try again, or raise lock_timeout."),
        )
        yield
    finally:
        os.close(handle)


def _ahead(app: App, number: int) -> str:
    """Who goes first, in words: the holder of the lock, and how many wait before us."""
    holder = current(app)
    before = turns.before(app, number)
    others = f", and {len(before)} more that came before" if before else ""
    if holder and holder.alive():
        return holder.words() + others
    return before[0].words() if before else "somebody who has just begun"


def _busy() -> str:
    """Who keeps the machine busy, in words."""
    holders = [holder for path in sorted(RUN.glob("*.lock")) if (holder := locks.of(path)) and holder.alive()]
    return "; ".join(holder.words() for holder in holders) or "somebody who has just begun"


def _former(app: App) -> int:
    """The lock's file of a Launchpad before this one, which may hold it still; -1 where there is none.

    It lay where every user can make files: only what root made for itself counts.
    """
    with contextlib.suppress(OSError):
        handle = os.open(FORMER_LOCKS / f"launchpad-{app.name}.lock", os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        status = os.fstat(handle)
        if stat.S_ISREG(status.st_mode) and (status.st_uid, status.st_nlink, status.st_mode & 0o077) == (0, 1, 0):
            return handle
        os.close(handle)
    return -1
