"""Ends what a restore began, also one that was killed: starts the app with the new data, or with the former again."""

from __future__ import annotations

from pathlib import Path

from infra.agent.backup import archive, at_boot, dumps, programs
from infra.agent.backup import places as unpacking
from infra.agent.process import slots
from infra.agent.proxy import proxy
from infra.agent.release import health, lock, maintenance, serving, specifications
from infra.agent.release.processes import Processes
from infra.agent.services import cache, postgres_dump
from infra.agent.system import files, say, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.layout import UNITS, App

NAME = "restore"
"""The folder beside the data in which a snapshot is unpacked, and that has the former data then."""


def mend(app: App, who: str) -> None:
    """End what a restore that was killed had begun; nothing happens if there was none."""
    if is_left(app):
        with lock.deploying(app, who, "the end of a restore", specifications.lock_timeout(app)):
            settle(app)


def is_left(app: App) -> bool:
    """Whether a restore is under way, or was killed together with what should have ended it."""
    return app.restore.exists() or (unpacking.scratch(app) / NAME).exists()


def settle(app: App) -> None:
    """Start the app, with the former data unless it is healthy with the new; open its site, and tidy up.

    Where the database is the former one yet, the data becomes that again, too.

    Raises:
        Failure: It was not healthy with the new data.
    """
    noted = files.read_json(app.restore)
    programs.end(app, "unpack", unpacking.scratch(app) / NAME)
    if noted is None:
        unpacking.remove(app, NAME)
        unpacking.tidy(app)
        at_boot.end(app)
        return
    app.settling.parent.mkdir(mode=0o700, exist_ok=True)
    app.settling.touch()
    units, data = [str(name) for name in noted["units"]], unpacking.data(app)
    reason = str(noted.get("reason", ""))
    before, new = int(noted["database"]), str(noted["new"])
    if not reason:
        if before and postgres_dump.oid(app) == before and unpacking.is_marked(data, new):
            unpacking.exchange(_other(app), data)
        unpacking.show(app)
        try:
            _start(app, units)
        except Failure as failure:
            if unpacking.is_marked(data, new):
                reason = str(failure)
                # From here on there is no way but back, be this killed or not.
                files.write_json(app.restore, {**noted, "reason": reason})
            else:
                say.step("warning", f"{app.name} is not healthy: {failure}")
    if reason:
        _put_back(app, units, new)
    if not noted["closed"] and maintenance.show(app)["closed"]:
        maintenance.end(app, str(noted["who"]))
    unpacking.unmark(data)
    app.restore.unlink()
    app.settling.unlink(missing_ok=True)
    at_boot.end(app)
    former(app).unlink(missing_ok=True)
    unpacking.remove(app, NAME)
    unpacking.tidy(app)
    if reason:
        raise Failure(f"{app.name} is not healthy with the restored data, so it has its former data again. {reason}")


def _put_back(app: App, units: list[str], new: str) -> None:
    """Have the former database and data again; may be killed and run again."""
    say.step("restore", "putting the former data back")
    systemd.stop_all(units_of(app))
    data = unpacking.data(app)
    if former(app).exists():
        with former(app).open("rb") as file:
            dumps.load(app, file)
    if unpacking.is_marked(data, new):
        unpacking.exchange(_other(app), data)
    unpacking.show(app)
    systemd.start_all(units)


def _other(app: App) -> Path:
    """What has taken the data's place, or is about to."""
    return unpacking.scratch(app) / NAME / archive.DATA


def former(app: App) -> Path:
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


def units_of(app: App) -> list[str]:
    """Everything that runs with the app's data: its processes, its jobs, its cache, and what serves its files."""
    timers = [path.name for path in sorted(UNITS.glob(f"{app.job_template.stem}*.timer"))]
    jobs = [f"{name.removesuffix('.timer')}.service" for name in timers]
    names = {*systemd.instances(app.name), *systemd.enabled(app.name)}
    sockets = [f"{app.files_unit}.socket", f"{app.files_unit}.service"]
    file_units = sockets if (UNITS / sockets[0]).exists() else []
    cached = [app.cache_unit] if cache.is_there(app) else []
    return [*timers, *file_units, *cached, *(app.unit(name) for name in sorted(names)), *jobs]
