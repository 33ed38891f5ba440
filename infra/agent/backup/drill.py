"""The drill: restores the newest backup of an app where nobody sees it, compares it, and writes down the result."""

from __future__ import annotations

import time
from datetime import datetime

from infra.agent.backup import dumps, restic, streams
from infra.agent.backup import places as unpacking
from infra.agent.backup.records import Places
from infra.agent.backup.restic import Snapshot
from infra.agent.backup.streams import Target
from infra.agent.machine import backup_state
from infra.agent.services import postgres
from infra.agent.system import files, names, say
from infra.agent.system.failure import Failure
from infra.agent.system.layout import BACKUP_USER, App
from infra.protocol.backups import BackupSpec

NAME = "drill"
ROOM = 200_000_000
"""Bytes that stay free on the disk whatever is unpacked."""


def drill(app: App, spec: BackupSpec, places: Places, snapshot: str = "") -> None:
    """Restore a backup beside the data, by a user that the app cannot reach, and compare.

    Args:
        app: The app.
        spec: Where the repository is.
        places: Where its keys are.
        snapshot: The snapshot; by default the newest.

    Raises:
        Failure: It is not what was packed. The state says so.
    """
    try:
        found = newest(app.name, spec, places, snapshot)
        say.step("drill", f"restoring snapshot {found.id} of {app.name} into a scratch directory")
        unpacked, tables = _compared(app, spec, places, found)
        if unpacked.problems:
            raise Failure(f"Snapshot {found.id} is not what was packed: {'; '.join(unpacked.problems)}")
    except Failure as failure:
        backup_state.keep(places.state, app.name, {"error": str(failure), "failed": time.time()})
        raise
    backup_state.keep(
        places.state,
        app.name,
        {
            "verified": _taken(unpacked, found),
            "verified_snapshot": found.id,
            "files": unpacked.files,
            "bytes": unpacked.size,
            "rows": unpacked.rows,
            "tables": tables,
            "notes": list(unpacked.notes),
            "error": "",
        },
    )
    for note in unpacked.notes:
        say.step("warning", f"{app.name}: not packed as it is: {note}")
    counted = backup_state.contents(unpacked.files, unpacked.size, unpacked.rows, tables)
    say.step("drill", f"snapshot {found.id} is as it was packed: {counted}")


def newest(app: str, spec: BackupSpec, places: Places, snapshot: str = "") -> Snapshot:
    """The newest snapshot of an app, or the one that is asked for.

    Raises:
        Failure: There is none.
    """
    found = restic.parse(restic.run(spec, places, restic.snapshots(spec, places, app), restic.LISTED))
    if snapshot:
        found = [each for each in found if each.id == snapshot[: len(each.id)] or each.id.startswith(snapshot)]
    if not found:
        named = f" {snapshot}" if snapshot else ""
        raise Failure(
            f"The repository {spec.repository} has no snapshot{named} of {app} of the stack {spec.owner}. "
            "See them: launchpad backup list"
        )
    return found[-1]


def _compared(app: App, spec: BackupSpec, places: Places, snapshot: Snapshot) -> tuple[streams.Unpacked, int | None]:
    """What was compared, and how many tables the dump of the database has; None without one."""
    tables = None
    expected = backup_state.read(places.state).get(app.name, backup_state.NEVER)["bytes"]
    check_room(app, expected)
    names.add_backup_user()
    place = unpacking.empty(app, NAME, BACKUP_USER)
    try:
        with dumps.spooled() as dump:
            found = streams.load(app, spec, places, snapshot, Target(BACKUP_USER, place, dump))
            if found.has_database and postgres.has_database(app):
                tables = dumps.prove(app, dump)
                say.step("drill", f"the dump of the database loads, with {tables} tables")
        return found, tables
    finally:
        unpacking.remove(app, NAME)
        unpacking.tidy(app)


def check_room(app: App, expected: int) -> None:
    """Refuse to unpack what the disk has no room for.

    Raises:
        Failure: How much is free, and how much is needed.
    """
    free = files.free_bytes(unpacking.data(app))
    if free < expected + ROOM:
        raise Failure(
            f"There is no room to restore the backup beside the data: {free // 10**6} MB are free on the disk of "
            f"{app.data}, and {(expected + ROOM) // 10**6} MB are needed. Make room, or have a larger disk."
        )


def _taken(unpacked: streams.Unpacked, snapshot: Snapshot) -> float:
    """When a snapshot was taken, in seconds since the epoch."""
    when = unpacked.about.get("when")
    if isinstance(when, int | float):
        return float(when)
    return datetime.fromisoformat(snapshot.when[:19]).timestamp()
