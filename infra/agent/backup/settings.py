"""Has a stack's apps backed up, and takes that back. May be killed at any moment and run again."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from infra.agent.backup import records, restic, units
from infra.agent.backup.records import Places
from infra.agent.process.timers import STAMPS
from infra.agent.system import data_places, files, machine, names, package_record, packages, say, sh, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.layout import BACKUP_CACHE, BACKUP_STATE, BACKUPS, STATE
from infra.protocol import backups
from infra.protocol.backups import BackupSpec

PACKAGES = frozenset({restic.PACKAGE})
SLOW = 60.0
"""Seconds that the repository may take to answer when it is set up. restic waits longer where a bucket is missing."""


class Settled(TypedDict):
    """What ``backup settings`` reports."""

    owner: str
    changed: bool
    warnings: list[str]
    packages: list[str]
    seconds: float


def still_needed() -> frozenset[str]:
    """The Debian packages that backups need now."""
    return PACKAGES if records.owners() else frozenset()


def programs(spec: BackupSpec) -> list[str]:
    """The Debian packages that a repository needs."""
    return [*sorted(PACKAGES), *(["openssh-client"] if backups.sftp(spec.repository) else [])]


def apply(spec: BackupSpec) -> Settled:
    """Have the apps of a stack backed up. A repository that cannot be reached now is a warning.

    Only for who holds the machine alone.

    Raises:
        Failure: They cannot be, and why.
    """
    machine.check()
    say.redactor.add(*spec.secrets())
    if backups.is_folder(spec.repository):
        check_folder(Path(spec.repository))
    taken = {app: owner for owner in records.owners() if owner != spec.owner for app in records.read(owner).apps}
    for app in spec.apps:
        if app in taken:
            raise Failure(f"The app {app} is backed up by the stack {taken[app]} already, and this is {spec.owner}.")
    changed = [packages.install(programs(spec))]
    changed.append(names.add_backup_user())
    places = Places(spec.owner)
    files.directory(STATE, 0o755)
    changed.append(data_places.settle_backups(_stopped))
    for folder in (BACKUP_STATE, BACKUP_CACHE):
        changed.append(files.directory(folder, 0o700))
    changed.append(records.write(spec))
    _note(spec, places)
    changed.append(_units(spec, places))
    warnings = [problem] if (problem := prepare_repository(spec, places)) else []
    for text in warnings:
        say.step("warning", text)
    say.step("done", f"{', '.join(spec.apps)}: backed up to {spec.repository} at {spec.schedule}")
    return _result(spec.owner, changed=any(changed), warnings=warnings, purged=[])


def remove(owner: str) -> Settled:
    """Take back the backups of a stack. The repository stays, and all that is in it.

    Only for who holds the machine alone.
    """
    places = Places(owner)
    existed = places.spec.exists()
    for unit in (places.service, places.drill):
        timer = unit.with_suffix(".timer")
        systemd.stop(timer.name)
        systemd.disable(timer.name, systemd.TIMERS)
        (STAMPS / f"stamp-{timer.name}").unlink(missing_ok=True)
        systemd.stop(unit.name)
    for path in (*places.files(), places.state, places.cache, places.lock):
        files.remove_tree(path)
    systemd.reload()
    purged: list[str] = []
    if not records.owners():
        data_places.release_backups()
        for folder in (BACKUPS, BACKUP_STATE, BACKUP_CACHE):
            files.remove_tree(folder)
        names.remove_backup_user()
        if package_record.asked() & PACKAGES:
            purged, reason = packages.purge(package_record.asked() - PACKAGES)
            if reason:
                say.step("packages", f"not removed: {reason}")
    say.step("done", f"{owner} has no backups here any more; its repository stays as it is")
    return _result(owner, changed=existed, warnings=[], purged=purged)


def check_folder(folder: Path) -> None:
    """Refuse a repository in a place that somebody else than root can change: it is root who writes there.

    Raises:
        Failure: It is in one.
    """
    for place in (*reversed(folder.parents), folder):
        try:
            status = place.lstat()
        except FileNotFoundError:
            return
        safe = not status.st_mode & 0o022 or status.st_mode & stat.S_ISVTX
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != 0 or not safe:
            raise Failure(
                f"launchpad:backup.repository is {folder}, but {place} is a link, or not a folder that only root can "
                "change. Choose another folder, or give that one to root."
            )


def prepare_repository(spec: BackupSpec, places: Places) -> str:
    """Have a repository there where none was made before; gives what hinders that, or its use.

    One that was there and is gone is not made again: somebody has to know of that.
    """
    try:
        done = sh.run(
            restic.look(spec, places),
            env=restic.environment(spec),
            timeout=SLOW,
            name="restic",
        )
        if not done.ok and restic.is_absent(done.err) and not was_made(spec, places):
            if backups.is_folder(spec.repository):
                Path(spec.repository).mkdir(mode=0o700, parents=True, exist_ok=True)
            done = sh.run(restic.init(spec, places), env=restic.environment(spec), timeout=SLOW, name="restic")
        if not done.ok:
            return restic.why(spec, places, done.err)
    except Failure as failure:
        return f"The repository {spec.repository} cannot be used now: {failure}"
    files.write_json(places.state, {**(files.read_json(places.state) or {}), "made": spec.repository})
    return ""


def was_made(spec: BackupSpec, places: Places) -> bool:
    """Whether there has been a repository at this place."""
    return (files.read_json(places.state) or {}).get("made") == spec.repository


@contextmanager
def _stopped() -> Iterator[None]:
    """Have no backup write down how it went as long as the block lasts."""
    for owner in records.owners():
        for unit in (Places(owner).service, Places(owner).drill):
            systemd.stop(unit.name)
    yield


def _note(spec: BackupSpec, places: Places) -> None:
    """Write down what the backups are measured by."""
    kept = files.read_json(places.state) or {}
    same = (kept.get("schedule"), kept.get("repository")) == (spec.schedule, spec.repository)
    since = kept.get("since", time.time()) if same else time.time()
    apps = {name: item for name, item in kept.get("apps", {}).items() if name in spec.apps} if same else {}
    measured = {"schedule": spec.schedule, "repository": spec.repository, "wanted": list(spec.apps), "since": since}
    files.write_json(places.state, {**kept, **measured, "apps": apps})


def _units(spec: BackupSpec, places: Places) -> bool:
    """Have the timers run as wanted. Says whether anything changed."""
    texts = {
        places.service: units.service(spec, places, units.BACKUP),
        places.drill: units.service(spec, places, units.DRILL),
        places.service.with_suffix(".timer"): units.timer(spec),
        places.drill.with_suffix(".timer"): units.drill_timer(spec),
    }
    written = {path: files.write(path, text) for path, text in texts.items()}
    timers = [path for path in texts if path.suffix == ".timer"]
    for path in timers:
        systemd.enable(path.name, path, systemd.TIMERS)
    stale = [path for path in timers if written[path]]
    stale += [path for path in timers if path.name not in systemd.active_as_written(*(each.name for each in timers))]
    if any(written.values()) or stale:
        systemd.reload()
    for path in dict.fromkeys(stale):
        # Otherwise systemd would make up for the times that a new schedule had in the past.
        STAMPS.mkdir(parents=True, exist_ok=True)
        stamp = STAMPS / f"stamp-{path.name}"
        stamp.touch()
        os.utime(stamp)
        sh.run(["systemctl", "restart", path.name], doing=f"Starting {path.name}")
    return bool(stale) or any(written.values())


def _result(owner: str, *, changed: bool, warnings: list[str], purged: list[str]) -> Settled:
    return {
        "owner": owner,
        "changed": changed,
        "warnings": warnings,
        "packages": purged,
        "seconds": round(say.seconds(), 2),
    }
