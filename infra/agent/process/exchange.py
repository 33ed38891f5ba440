"""Keeps the data of an app to whoever exchanges it: no command of ``run`` and no job by hand begins meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from infra.agent.process import run_launch
from infra.agent.system import locks
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App


@contextmanager
def exchanging(app: App, who: str, what: str) -> Iterator[None]:
    """Exchange the app's data within the block, while no command uses it. Only for the holder of the app's lock.

    Args:
        app: The app.
        who: Who asks.
        what: What for, as those read who are kept out.

    Raises:
        Failure: Commands use the data now.
    """
    handle = locks.open_file(app.exchange_lock)
    try:
        with run_launch.settled(app):
            if runs := run_launch.under_way(app):
                raise Failure(
                    f"{len(runs)} commands of run use the data of {app.name} now; launchpad status names them. Wait "
                    "for them, or end them."
                )
            locks.try_lock(handle)
            locks.note(handle, locks.Holder.ourselves(who, what))
        try:
            yield
        finally:
            locks.note(handle, None)
    finally:
        os.close(handle)


def refuse(app: App) -> None:
    """Refuse to begin something that uses the app's data; within ``run_launch.settled``.

    Raises:
        Failure: Its data is being exchanged, or that was broken off and has not been ended yet.
    """
    handle = locks.open_file(app.exchange_lock)
    try:
        free = locks.try_lock(handle)
        holder = locks.of(app.exchange_lock)
    finally:
        os.close(handle)
    if not free:
        doing = holder.describe() if holder else "somebody who has just begun"
        raise Failure(
            f"The data of {app.name} is being exchanged by {doing}. Nothing that uses it begins meanwhile: run it "
            "again when that has ended."
        )
    if app.restore.exists():
        raise Failure(
            f"A restore of {app.name} was broken off, and its data has yet to be put in order. That is under way, or "
            f"begins with: sudo launchpad-agent backup mend --app {app.name}"
        )
