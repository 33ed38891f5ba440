"""Puts a backup in the place of an app's data, in one step; until the app is healthy what was there before is kept.

Killed at any moment, the data is the old or the new one. What was under way is noted down, so that ``mend`` can start
the app and open its site again: it is systemd that calls it when the program ends in any way.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypedDict

from infra.agent.backup import archive, at_boot, drill, dumps, listing, mending, programs, streams
from infra.agent.backup import places as unpacking
from infra.agent.backup.records import Places
from infra.agent.backup.restic import Snapshot
from infra.agent.backup.streams import Target
from infra.agent.machine import backup_state
from infra.agent.process import exchange, slots
from infra.agent.release import lock, maintenance, restart, specifications
from infra.agent.services import postgres, postgres_dump
from infra.agent.system import files, say, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.protocol.backups import BackupSpec

GENERATED = "kept/generated.json"
MESSAGE = "The site's data is being restored."


class Restored(TypedDict):
    """What ``backup restore`` reports; ``secrets`` are generated ones that are the snapshot's again."""

    app: str
    snapshot: str
    when: str
    files: int
    bytes: int
    rows: int
    secrets: list[str]
    seconds: float


@dataclass(frozen=True)
class Source:
    """Which snapshot is restored: the repository, the app whose data it is there, and which; empty: the newest."""

    spec: BackupSpec
    places: Places
    app: str
    snapshot: str


def restore(app: App, source: Source, who: str) -> Restored:
    """Put a snapshot in the place of an app's data. The app stops meanwhile, and its site is closed.

    Args:
        app: The app.
        source: The snapshot.
        who: Who asks.

    Raises:
        Failure: It could not be, and why; the data is what it was.
    """
    unpacking.check(app)
    with (
        lock.deploying(app, who, "a restore", specifications.lock_timeout(app)),
        exchange.exchanging(app, who, "a restore"),
    ):
        mending.settle(app)
        snapshot = drill.newest(source.app, source.spec, source.places, source.snapshot)
        with dumps.spooled() as dump:
            new, found = _unpacked(app, source, snapshot, dump)
            _switch(app, new, who, dump if _loads(app, found) else None)
        secrets = _generated(app, found.kept)
    if secrets and slots.serving(app):
        _renew(app, who, secrets)
    counted = backup_state.contents(found.files, found.size, found.rows, None)
    say.step("done", f"{app.name} has the data of {listing.shown(snapshot.when)}: snapshot {snapshot.id} ({counted})")
    return {
        "app": app.name,
        "snapshot": snapshot.id,
        "when": snapshot.when,
        "files": found.files,
        "bytes": found.size,
        "rows": found.rows,
        "secrets": secrets,
        "seconds": round(say.seconds(), 2),
    }


def _unpacked(app: App, source: Source, snapshot: Snapshot, dump: IO[bytes]) -> tuple[Path, streams.Unpacked]:
    """Unpack a snapshot beside the data, and compare it with its manifest; nothing of the app's changes yet."""
    say.step("unpack", f"unpacking snapshot {snapshot.id} of {listing.shown(snapshot.when)}")
    drill.check_room(app, 0)
    place = unpacking.empty(app, mending.NAME, app.user)
    try:
        found = streams.load(app, source.spec, source.places, snapshot, Target(app.user, place, dump))
        # The app's user cannot put anything else in its place from here on.
        files.directory(place, 0o700)
        if not stat.S_ISDIR((place / archive.DATA).lstat().st_mode):
            raise Failure(f"The app has replaced {place / archive.DATA} meanwhile, so nothing was restored.")
        if found.problems:
            raise Failure(f"Snapshot {snapshot.id} is not what was packed: {'; '.join(found.problems)}")
        os.sync()
    except BaseException:
        unpacking.remove(app, mending.NAME)
        unpacking.tidy(app)
        raise
    return place / archive.DATA, found


def _loads(app: App, found: streams.Unpacked) -> bool:
    """Whether the database is put back, too."""
    there = postgres.has_database(app)
    if there and not found.has_database:
        say.step("warning", "the backup has no dump of the database, which stays as it is")
    if found.has_database and not there:
        say.step("warning", "the backup has a dump of a database, and the app has none: set launchpad:database")
    return there and found.has_database


def _switch(app: App, new: Path, who: str, dump: IO[bytes] | None) -> None:
    """Stop the app, exchange the data, put back the database, start the app.

    Args:
        app: The app.
        new: The data.
        who: Who asks.
        dump: The dump of the database; None to leave it.

    Raises:
        Failure: It is not healthy with that, and has its former data back.
    """
    noted = {
        "units": [name for name in mending.units_of(app) if not systemd.state(name).is_stopped],
        "closed": maintenance.show(app)["closed"],
        "new": unpacking.mark(new),
        "database": postgres_dump.oid(app) if dump else 0,
        "who": who,
    }
    files.write_json(app.restore, noted)
    at_boot.begin(app)
    try:
        if not noted["closed"] and slots.serving(app):
            maintenance.begin(app, who, MESSAGE, 60)
        say.step("stop", f"stopping {app.name}")
        systemd.stop_all(mending.units_of(app))
        # A backup that is under way would have half of each, and take that for whole.
        programs.end(app, "pack", app.data)
        # First the data: where that cannot be, nothing has changed.
        unpacking.exchange(new, unpacking.data(app))
        unpacking.show(app)
        if dump:
            with open(mending.former(app), "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as former:
                dumps.write(app, former)
            dumps.load(app, dump)
    except BaseException:
        mending.settle(app)
        raise
    mending.settle(app)


def _generated(app: App, kept: Mapping[str, bytes]) -> list[str]:
    """Have the generated secrets that the data was written with; gives the names of those that differ.

    What starts the app anew takes them from there (see ``release/generated.py``).
    """
    try:
        found = json.loads(kept.get(GENERATED, b"{}"))
    except ValueError:
        return []
    then = {str(name): str(text) for name, text in found.items()} if isinstance(found, dict) else {}
    say.redactor.add(*then.values())
    now = files.read_json(app.generated) or {}
    if changed := sorted(name for name, text in then.items() if now.get(name) != text):
        files.write_json(app.generated, {**now, **then})
    return changed


def _renew(app: App, who: str, secrets: list[str]) -> None:
    """Start the app anew with other generated secrets: its data may be signed or encrypted with them."""
    say.step("restart", f"{', '.join(secrets)}: generated anew since the backup, which has the former value")
    try:
        restart.restart(app, who)
    except Failure as failure:
        say.step("warning", f"{app.name} does not start with that, and has it from the next deployment on: {failure}")
