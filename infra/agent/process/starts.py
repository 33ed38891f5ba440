"""Which release each process was started with, and when: what tells the lines of one release in the log from another's.

systemd gives each start of a unit an id of its own, which is in every line; but it also starts a process anew that has
ended, without us. So it is noted down when a process gets another launch file, and which start was the last before.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.agent.system import files
from infra.agent.system.layout import App

INVOCATIONS = Path("/run/systemd/units")
"""Where systemd has, as links called invocation:UNIT, the id of each running unit's start."""
MOST = 1000
"""Starts that are remembered."""


@dataclass(frozen=True)
class Start:
    """From ``when`` on (seconds since the epoch) an instance of the app's unit starts with a release.

    ``before`` is the id of the start that still runs then, with what was before; it may write on while it stops.
    """

    when: float
    instance: str
    release: str
    revision: str
    before: str


def note(app: App, instance: str, release: str, revision: str) -> None:
    """Note down that a process is about to start with a release."""
    start = Start(time.time(), instance, release, revision, _invocation(app.unit(instance)))
    files.write_json(app.starts, {"starts": [asdict(each) for each in [*all_starts(app), start][-MOST:]]})


def all_starts(app: App) -> list[Start]:
    """All starts that are remembered, the oldest first."""
    noted = (files.read_json(app.starts) or {}).get("starts", [])
    try:
        return [Start(**each) for each in noted]
    except TypeError:  # of another version
        return []


def release_of(starts: Sequence[Start], instance: str, when: float, invocation: str) -> str:
    """The release that wrote a line.

    Args:
        starts: All starts, the oldest first.
        instance: The instance of the app's unit that wrote it.
        when: When, in seconds since the epoch.
        invocation: The id of the start that wrote it.

    Returns:
        The release; empty if that is not known.
    """
    before = [start for start in starts if start.instance == instance and start.when <= when]
    while before and invocation and before[-1].before == invocation:
        before.pop()
    return before[-1].release if before else ""


def _invocation(unit: str) -> str:
    try:
        return str((INVOCATIONS / f"invocation:{unit}").readlink())
    except OSError:
        return ""
