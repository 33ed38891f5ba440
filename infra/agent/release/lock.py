"""Keeps deployments of one app apart, and ``prepare`` apart from all of them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager

from infra.agent.release import turns
from infra.agent.system import locks, say
from infra.agent.system.layout import FORMER_LOCKS, MACHINE_LOCK, MACHINE_WANTED, RUN, App
from infra.agent.system.locks import Holder

PATIENCE = 30.0
"""Seconds for which a deployment lets those go first who wait for the machine alone."""


def current(app: App) -> Holder | None:
    """What the lock's file says about its holder, who may have exited; None if nobody holds it."""
    return locks.of(app.lock)


def busy(app: App) -> str:
    """Who deploys the app, or changes the machine; empty if nobody does."""
    holders = [holder for path in (app.lock, MACHINE_LOCK) if (holder := locks.of(path))]
    return next((holder.describe() for holder in holders if holder.alive()), "")


@contextmanager
def deploying(app: App, who: str, what: str, timeout: float) -> Iterator[None]:
    """Hold the app's lock, and keep the machine as it was prepared.

    Nothing waits for the app's lock while it holds the machine's, so there is no deadlock.

    Args:
        app: The app.
        who: Who asks for it, as other requests will read.
        what: What for.
        timeout: Seconds to wait for other deployments of the app, in the order of the requests, and for ``prepare``.

    Raises:
        Failure: The time is up, or a newer request went first.
        Interrupted: The connection was lost meanwhile.
    """
    with _one(app, who, what, timeout), _machine(timeout):
        yield


@contextmanager
def alone(who: str, what: str, timeout: float) -> Iterator[None]:
    """Hold the machine alone.

    Args:
        who: Who asks for it.
        what: What for.
        timeout: Seconds to wait for others that hold it alone, and for all deployments.

    Raises:
        Failure: The time is up.
        Interrupted: The connection was lost meanwhile.
    """
    handle = locks.open_file(MACHINE_LOCK)
    try:
        with _wanted():
            locks.wait(
                lambda: locks.try_lock(handle),
                _busy,
                timeout,
                locks.Messages(
                    "Something else on this machine",
                    "the machine, which is used by",
                    "Try again, or raise lock_timeout.",
                ),
            )
        with locks.noted(handle, who, what):
            yield
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
                locks.Messages(
                    f"Another deployment of {app.name}",
                    "the deployment of",
                    "Wait for it, or stop it: launchpad cancel",
                ),
            )
            turns.accept(app, number)
        finally:
            turns.leave(app, number)
        before = locks.parse(os.pread(handle, 65536, 0).decode(errors="replace"))
        if before:
            say.step("lock", f"taking over the lock: its owner ({before.describe()}) exited without releasing it")
        with locks.noted(handle, who, what):
            yield
    finally:
        os.close(handle)
        if former >= 0:
            os.close(former)


@contextmanager
def _machine(timeout: float) -> Iterator[None]:
    """Keep ``prepare`` from changing the machine; other apps may deploy at the same time.

    One that waits goes first, but only for a while: the prepares of several apps take seconds each, and would wait for
    the longest of all builds otherwise. For that build nobody else waits.
    """
    handle = locks.open_file(MACHINE_LOCK)
    first = time.monotonic() + PATIENCE
    try:
        locks.wait(
            lambda: (time.monotonic() >= first or not _is_wanted()) and locks.try_lock(handle, fcntl.LOCK_SH),
            lambda: holder.describe() if (holder := locks.of(MACHINE_LOCK)) else "a prepare that has just started",
            timeout,
            locks.Messages(
                "Preparing this machine", "the machine to be prepared by", "Try again, or raise lock_timeout."
            ),
        )
        yield
    finally:
        os.close(handle)


@contextmanager
def _wanted() -> Iterator[None]:
    """Say that somebody waits for the machine alone, as long as the block lasts, or the process."""
    handle = locks.open_file(MACHINE_WANTED)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)  # who looks holds it for an instant
        yield
    finally:
        os.close(handle)


def _is_wanted() -> bool:
    """Whether somebody waits for the machine alone."""
    handle = locks.open_file(MACHINE_WANTED)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _ahead(app: App, number: int) -> str:
    """Who goes first: the holder of the lock, and how many are ahead of us in the queue."""
    holder = current(app)
    before = turns.before(app, number)
    others = f", {len(before)} more ahead in the queue" if before else ""
    if holder and holder.alive():
        return holder.describe() + others
    return before[0].describe() if before else "somebody who has just started"


def _busy() -> str:
    """Who keeps the machine busy."""
    holders = [holder for path in sorted(RUN.glob("*.lock")) if (holder := locks.of(path)) and holder.alive()]
    return "; ".join(holder.describe() for holder in holders) or "somebody who has just started"


def _former(app: App) -> int:
    """The lock file of an earlier version, which may still hold it; -1 if there is none.

    It was where every user can make files: only one that root made for itself counts.
    """
    with contextlib.suppress(OSError):
        handle = os.open(FORMER_LOCKS / f"launchpad-{app.name}.lock", os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        status = os.fstat(handle)
        if stat.S_ISREG(status.st_mode) and (status.st_uid, status.st_nlink, status.st_mode & 0o077) == (0, 1, 0):
            return handle
        os.close(handle)
    return -1
