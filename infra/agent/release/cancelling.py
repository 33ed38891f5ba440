"""Stops the deployment that is under way, and those that wait for it."""

from __future__ import annotations

import os
import signal

from infra.agent.release import lock, turns
from infra.agent.system.layout import App


def cancel(app: App, *, everyone: bool) -> str:
    """Ask the deployment that holds the lock to stop; with ``everyone`` those that wait, too.

    Returns:
        What has been done, for people.
    """
    lines = []
    waiting = turns.waiting(app)
    if everyone:
        for each in waiting:
            os.kill(each.pid, signal.SIGTERM)
    holder = lock.current(app)
    if holder and holder.alive():
        os.kill(holder.pid, signal.SIGTERM)
        lines.append(
            f"Asked the deployment of {holder.describe()} to stop. It stops at once, unless it has already switched."
        )
    elif not waiting:
        lines.append(f"No deployment of {app.name} is under way; the lock is free.")
    named = "; ".join(each.describe() for each in waiting)
    if waiting and everyone:
        lines.append(f"Ended {len(waiting)} that waited: {named}")
    elif waiting:
        lines.append(f"{len(waiting)} more wait and go on, in order: {named}")
        lines.append("To end them too: launchpad cancel --all")
    return "\n".join(lines)
