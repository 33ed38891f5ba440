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

from infra.agent.backup import archive, drill, dumps, streams
from infra.agent.backup import places as unpacking
from infra.agent.backup.records import Places
from infra.agent.backup.restic import Snapshot
from infra.agent.backup.streams import Target
from infra.agent.process import run_launch, slots
from infra.agent.proxy import proxy
from infra.agent.release import health, lock, maintenance, serving, specifications
from infra.agent.release.processes import Processes
from infra.agent.services import cache, postgres, postgres_dump
from infra.agent.system import files, say, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.layout import UNITS, App
from infra.protocol.backups import BackupSpec

NAME = "restore"
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
    with lock.deploying(app, who, "a restore", specifications.lock_timeout(app)):
        _mend(app)
        if runs := run_launch.under_way(app):
            raise Failure(f"{len(runs)} commands of run use the data of {app.name} now. Wait for them, or end them.")
        snapshot = drill.newest(source.app, source.spec, source.places, source.snapshot)
        with dumps.spooled() as dump:
            new, found = _unpacked(app, source, snapshot, dump)
            _switch(app, new, who, dump if _loads(app, found) else None)
        secrets = _generated(app, found.kept)
    say.step("done", f"{app.name} has its data of {snapshot.when[:19]} (snapshot {snapshot.id}) again")
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
    say.step("unpack", f"unpacking snapshot {snapshot.id} of {snapshot.when[:19]}")
    drill.check_room(app, 0)
    place = unpacking.empty(app, NAME, app.user)
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
        unpacking.remove(app, NAME)
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
        "units": [name for name in _units(app) if not systemd.state(name).is_stopped],
        "closed": maintenance.show(app)["closed"],
        "new": new.stat().st_ino,
        "database": postgres_dump.oid(app) if dump else 0,
        "who": who,
    }
    files.write_json(app.restore, noted)
    try:
        if not noted["closed"] and slots.serving(app):
            maintenance.begin(app, who, MESSAGE, 60)
        say.step("stop", f"stopping {app.name}")
        systemd.stop_all(_units(app))
        # First the data: where that cannot be, nothing has changed.
        unpacking.exchange(new, unpacking.data(app))
        unpacking.show(app)
        if dump:
            with open(_former(app), "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as former:
                dumps.write(app, former)
            dumps.load(app, dump)
    except BaseException:
        _mend(app)
        raise
    _mend(app)


def mend(app: App, who: str) -> None:
    """End what a restore that was killed had begun; nothing happens if there was none."""
    if is_left(app):
        with lock.deploying(app, who, "the end of a restore", specifications.lock_timeout(app)):
            _mend(app)


def is_left(app: App) -> bool:
    """Whether a restore is under way, or was killed together with what should have ended it."""
    return app.restore.exists() or (unpacking.scratch(app) / NAME).exists()


def _mend(app: App) -> None:
    """Start the app, with the former data unless it is healthy with the new; open its site, and tidy up.

    Where the database is the former one yet, the data becomes that again, too.

    Raises:
        Failure: It was not healthy with the new data.
    """
    noted = files.read_json(app.restore)
    streams.end(app, "unpack", unpacking.scratch(app) / NAME)
    if noted is None:
        unpacking.remove(app, NAME)
        unpacking.tidy(app)
        return
    units, data, reason = [str(name) for name in noted["units"]], unpacking.data(app), ""
    other = unpacking.scratch(app) / NAME / archive.DATA
    before = int(noted["database"])
    if before and postgres_dump.oid(app) == before and data.stat().st_ino == noted["new"]:
        unpacking.exchange(other, data)
    unpacking.show(app)
    try:
        _start(app, units)
    except Failure as failure:
        if data.stat().st_ino != noted["new"]:
            say.step("warning", f"{app.name} is not healthy: {failure}")
        else:
            reason = str(failure)
            say.step("restore", "putting the former data back")
            systemd.stop_all(_units(app))
            if before:
                with _former(app).open("rb") as former:
                    dumps.load(app, former)
            unpacking.exchange(other, data)
            unpacking.show(app)
            systemd.start_all(units)
    if not noted["closed"] and maintenance.show(app)["closed"]:
        maintenance.end(app, str(noted["who"]))
    _former(app).unlink(missing_ok=True)
    unpacking.remove(app, NAME)
    unpacking.tidy(app)
    app.restore.unlink()
    if reason:
        raise Failure(f"{app.name} is not healthy with the restored data, so it has its former data again. {reason}")


def _former(app: App) -> Path:
    """The dump of the database as it was, until the app is healthy with the other: root's, 0600."""
    return unpacking.scratch(app) / "former.pgdump"


def _start(app: App, units: list[str]) -> None:
    """Start what ran before, and wait until the site is healthy.

    Raises:
        Failure: It is not.
    """
    say.step("start", f"starting {app.name}")
    systemd.start_all(units)
    slot = slots.serving(app)
    if slot and app.unit(slot) in units:
        spec, built = serving.serving(app, "to start")
        health.wait(Processes.of(app, spec, proxy.site(app), built).watch(slot))


def _units(app: App) -> list[str]:
    """Everything that runs with the app's data: its processes, its jobs, its cache, and what serves its files."""
    timers = [path.name for path in sorted(UNITS.glob(f"{app.job_template.stem}*.timer"))]
    jobs = [f"{name.removesuffix('.timer')}.service" for name in timers]
    names = {*systemd.instances(app.name), *systemd.enabled(app.name)}
    sockets = [f"{app.files_unit}.socket", f"{app.files_unit}.service"]
    file_units = sockets if (UNITS / sockets[0]).exists() else []
    cached = [app.cache_unit] if cache.is_there(app) else []
    return [*timers, *file_units, *cached, *(app.unit(name) for name in sorted(names)), *jobs]


def _generated(app: App, kept: Mapping[str, bytes]) -> list[str]:
    """Have the generated secrets that the data was written with; gives the names of those that differ.

    The next deployment takes them from there (see ``release/generated.py``).
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
        say.step("warning", f"{', '.join(changed)}: generated anew since; the next deployment has the former value")
    return changed
