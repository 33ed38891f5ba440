"""Backs up the apps of a stack, proves each backup by a drill, and removes what is not to stay. For systemd's units."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from infra.agent.backup import drill, dumps, mending, records, restic, settings, streams
from infra.agent.backup.records import Places
from infra.agent.backup.streams import Kept
from infra.agent.machine import backup_state
from infra.agent.process import launch_file
from infra.agent.system import locks, prepared, say, sh
from infra.agent.system.failure import Failure
from infra.agent.system.layout import COMMAND, App
from infra.protocol.backups import BackupSpec

T = TypeVar("T")
TRIES, PAUSE = 20, 30.0
"""How often, and after how many seconds, a repository is tried again that another machine has locked."""


def run(owner: str) -> None:
    """Back up every app of a stack.

    Raises:
        Failure: Of one or more of them there is no new backup that is proved, and why.
    """
    spec, places = records.read(owner), records.Places(owner)
    with alone(places, "the backup"):
        problem = "" if settings.was_made(spec, places) else settings.prepare_repository(spec, places)
        failed = {app: _backed_up(App(app), spec, places, problem) for app in in_turn(spec, places)}
        problems = [f"{app}: {why}" for app, why in failed.items() if why]
        if not problems and (argv := restic.forget(spec, places)):
            say.step("forget", "removing what is not to stay")
            try:
                _patiently(lambda: restic.tidy(spec, places, argv))
            except Failure as failure:
                problems.append(_failed(spec, places, failure))
    if problems:
        raise Failure("\n".join(problems))
    say.step("done", f"backed up and proved: {', '.join(spec.apps)}")


def in_turn(spec: BackupSpec, places: Places) -> list[str]:
    """The apps of a stack, those last whose last backup failed: one that takes all its time to fail does so once."""
    known = backup_state.read(places.state)
    return sorted(spec.apps, key=lambda app: bool(known.get(app, backup_state.NEVER)["error"]))


def _failed(spec: BackupSpec, places: Places, failure: Failure) -> str:
    """Keep for every app that something failed which concerns all of them; returns why."""
    for app in spec.apps:
        backup_state.keep(places.state, app, {"error": str(failure), "failed": time.time()})
    return str(failure)


def prove(owner: str) -> None:
    """Drill the newest backup of every app of a stack, and check the repository.

    Raises:
        Failure: One or more of them are not as they should be.
    """
    spec, places = records.read(owner), records.Places(owner)
    problems = []
    with alone(places, "the drill"):
        for app in in_turn(spec, places):
            try:
                drill.drill(App(app), spec, places)
            except Failure as failure:
                problems.append(f"{app}: {failure}")
        try:
            say.step("check", "checking the repository")
            restic.run(spec, places, restic.check(spec, places))
        except Failure as failure:
            problems.append(_failed(spec, places, failure))
    if problems:
        raise Failure("\n".join(problems))
    say.step("done", f"proved: {', '.join(spec.apps)}")


@contextmanager
def alone(places: Places, what: str) -> Iterator[None]:
    """Keep other backups and drills of the stack waiting."""
    handle = locks.open_file(places.lock)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with locks.noted(handle, "systemd", what):
            yield
    finally:
        os.close(handle)


def _backed_up(app: App, spec: BackupSpec, places: Places, problem: str) -> str:
    """Back up an app and prove it; gives why that failed. Its state says so in any case."""
    try:
        prepared.check(app)
        if problem:
            raise Failure(problem)
        _mend(app)
        say.step("backup", f"backing up {app.name}")
        began = time.time()
        with dumps.taken(app) as dump:
            kept = Kept(_about(app, spec, began), kept_files(app), dump)
            snapshot = _patiently(lambda: streams.save(app, spec, places, kept))
        backup_state.keep(places.state, app.name, {"snapshot": snapshot, "taken": began})
        drill.drill(app, spec, places, snapshot)
    except (Failure, OSError) as error:
        why = say.redactor.clean(str(error))
        say.step("warning", f"{app.name}: {why}")
        backup_state.keep(places.state, app.name, {"error": why, "failed": time.time()})
        return why
    return ""


def _mend(app: App) -> None:
    """End a restore that was killed, in a unit of its own: it may unmount and start things, which this one may not."""
    if mending.is_left(app):
        argv = ["systemd-run", "--wait", "--pipe", "--collect", "--quiet", str(COMMAND), "backup", "mend"]
        sh.run([*argv, "--app", app.name, "--who", "the backup"], doing="Ending a restore that was killed")


def _about(app: App, spec: BackupSpec, when: float) -> dict[str, object]:
    """What a snapshot says of itself."""
    launch = launch_file.serving(app)
    release, revision = (launch.release, launch.revision) if launch else ("", "")
    return {"app": app.name, "owner": spec.owner, "when": when, "release": release, "revision": revision}


def kept_files(app: App) -> dict[str, bytes]:
    """What root keeps of an app: its history, and the secrets that were generated for it."""
    places: dict[str, Path] = {
        "releases.jsonl": app.history,
        "runs.jsonl": app.run_history,
        "maintenance.jsonl": app.maintenance_history,
        "generated.json": app.generated,
    }
    return {f"kept/{name}": path.read_bytes() for name, path in places.items() if path.is_file()}


def _patiently(work: Callable[[], T]) -> T:
    """Do something with a repository, and again for a while where another machine has locked it."""
    for _ in range(TRIES):
        try:
            return work()
        except Failure as failure:
            if restic.LOCKED not in str(failure):
                raise
        say.step("wait", "the repository is locked by another program of restic's")
        time.sleep(PAUSE)
    return work()
