"""How the backups of an app went: what the last run wrote down, and whether that is as the schedule wants it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypedDict, cast

from infra.agent.system import files
from infra.agent.system.layout import BACKUP_STATE, BACKUPS
from infra.common import printable
from infra.protocol import schedules
from infra.protocol.schedules import Schedule

GRACE = 3600.0
"""Seconds that a backup may take from the time that it is due, before the one before counts as too old."""
DAYS = 366 * 5
"""Days that are looked back on for the time when a backup was due."""


class AppBackup(TypedDict):
    """How the backups of one app went; times in seconds since the epoch, None for never.

    ``snapshot`` is the last that was taken, at ``taken``; ``verified`` is when the newest snapshot that was restored
    and compared was taken, ``verified_snapshot``, with so many ``files``, ``bytes`` and ``rows``, and ``tables`` in the
    database (None: it has none). ``error`` says what went wrong last, at ``failed``; empty if nothing did. ``notes``
    name what is not in it.
    """

    snapshot: str
    taken: float | None
    verified: float | None
    verified_snapshot: str
    files: int
    bytes: int
    rows: int
    tables: int | None
    error: str
    failed: float | None
    notes: list[str]


class Backup(AppBackup):
    """The same with what it is measured by.

    ``state`` is green or red, and ``reason`` says why it is red; ``repository`` and ``schedule`` are those of the
    stack; ``since`` is when backups were set up.
    """

    repository: str
    schedule: str
    since: float
    state: str
    reason: str


NEVER: AppBackup = {
    "snapshot": "",
    "taken": None,
    "verified": None,
    "verified_snapshot": "",
    "files": 0,
    "bytes": 0,
    "rows": 0,
    "tables": None,
    "error": "",
    "failed": None,
    "notes": [],
}


def read(path: Path) -> dict[str, AppBackup]:
    """How the backups of each app of a stack went."""
    apps = (files.read_json(path) or {}).get("apps", {})
    known = {name: {key: kept[key] for key in NEVER if key in kept} for name, kept in apps.items()}
    return {name: cast("AppBackup", {**NEVER, **kept}) for name, kept in known.items()}


def of(app: str, now: float | None = None) -> Backup | None:
    """How the backups of an app went; None if it has none.

    Args:
        app: The app.
        now: The time, in seconds since the epoch.
    """
    return of_all(now).get(app)


def of_all(now: float | None = None) -> dict[str, Backup]:
    """How the backups went of each app on the machine that has any.

    Args:
        now: The time, in seconds since the epoch.
    """
    found: dict[str, Backup] = {}
    for path in sorted(BACKUP_STATE.glob("*.json")) if BACKUP_STATE.is_dir() else []:
        if not (BACKUPS / path.name).exists():
            continue  # of a stack that left it on the disk for data, and has no backups on this machine
        whole = files.read_json(path) or {}
        states = read(path)
        for app in whole.get("wanted", []):
            kept, schedule, since = states.get(app, NEVER), str(whole["schedule"]), float(whole["since"])
            reason = wrong(kept, schedule, since, now or time.time())
            state = Backup(
                **kept,
                repository=str(whole["repository"]),
                schedule=schedule,
                since=since,
                state="red" if reason else "green",
                reason=reason,
            )
            found.setdefault(app, state)
    return found


def wrong(kept: AppBackup, schedule: str, since: float, now: float) -> str:
    """Why the backups of an app are not as they should be; empty if they are.

    Args:
        kept: How they went.
        schedule: When they are due.
        since: When they were set up, before which none was due.
        now: The time.
    """
    if kept["error"]:
        return kept["error"]
    due = last_due(schedules.parse(schedule), datetime.fromtimestamp(now - GRACE))
    if due is None or due.timestamp() < since:
        return ""
    if kept["verified"] is None:
        return "no backup has been verified yet"
    if kept["verified"] < due.timestamp():
        return f"the last verified backup is older than the schedule ({schedule}) wants"
    return ""


def last_due(schedule: Schedule, now: datetime) -> datetime | None:
    """The last time before ``now`` at which a schedule was due; None if there was none in years."""
    for back in range(DAYS):
        day = now - timedelta(days=back)
        weekday, date = (day.weekday() + 1) % 7 in schedule.weekdays, day.day in schedule.days
        if day.month not in schedule.months or not (weekday or date if schedule.either else weekday and date):
            continue
        hours, minutes = (sorted(each, reverse=True) for each in (schedule.hours, schedule.minutes))
        times = ((hour, minute) for hour in hours for minute in minutes)
        for hour, minute in times:
            if back or (hour, minute) <= (now.hour, now.minute):
                return day.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return None


def lines(found: Backup | None, now: float | None = None) -> list[str]:
    """The backups of an app for people."""
    if found is None:
        return []
    shown = [f"  {'backup':12} {'RED, ' if found['reason'] else ''}{verified(found, now)}"]
    if found["reason"]:
        shown.append(f"THE BACKUP IS NOT AS IT SHOULD BE: {found['reason']}")
    return shown


def verified(found: AppBackup, now: float | None = None) -> str:
    """The last backup of an app that was proved, for people: its age and what is in it."""
    if found["verified"] is None:
        return "none verified yet"
    what = contents(found["files"], found["bytes"], found["rows"], found["tables"])
    since = age((now or time.time()) - found["verified"])
    return f"verified {since} ago: snapshot {found['verified_snapshot']} ({what})"


def contents(files: int, size: int, rows: int, tables: int | None) -> str:
    """What is in a backup, for people.

    Args:
        files: How many files.
        size: Their bytes.
        rows: The rows of SQLite databases.
        tables: The tables of the app's PostgreSQL database; None if it has none.
    """
    counts = [_count(files, "file"), _size(size)]
    counts += [f"{_count(rows, 'row')} in SQLite"] if rows else []
    counts += [] if tables is None else [f"{_count(tables, 'table')} in PostgreSQL"]
    return ", ".join(counts)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def warning(app: str, now: float | None = None) -> list[str]:
    """What a deployment says of backups that are not as they should be."""
    found = of(app, now)
    return [f"The backup of {app} is not as it should be: {found['reason']}"] if found and found["reason"] else []


def keep(path: Path, app: str, change: Mapping[str, object]) -> None:
    """Write down how a backup of an app went; what is not in ``change`` stays."""
    whole = files.read_json(path) or {}
    apps = whole.get("apps", {})
    # Names of the app's own files are in an error.
    said = {"error": printable.lines(str(change["error"]))} if "error" in change else {}
    apps[app] = {**NEVER, **apps.get(app, {}), **change, **said}
    files.write_json(path, {**whole, "apps": apps})


def age(seconds: float) -> str:
    """A time as people say it."""
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(0, seconds):.0f} seconds"


def _size(count: int) -> str:
    for unit, length in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if count >= length:
            return f"{count / length:.1f} {unit}"
    return f"{count} bytes"
