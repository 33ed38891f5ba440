"""What each word of ``launchpad-agent backup`` does."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from infra.agent.backup import mending, records, restore, settings
from infra.agent.backup.records import Places
from infra.agent.backup.restore import Source
from infra.agent.machine import backup_state
from infra.agent.machine.backup_state import Backup
from infra.agent.release import lock
from infra.agent.system import files, packages, prepared, say, sh, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.layout import COMMAND, RUN, App
from infra.protocol import backups
from infra.protocol.backups import BackupSpec


def set_up(spec: BackupSpec | None, owner: str, timeout: float) -> settings.Settled:
    """Have a stack's apps backed up, or no more; ``spec`` is None for the latter."""
    say.signs_of_life()
    with lock.alone(f"the stack {owner}", "setting up backups", timeout):
        say.carry_on()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        return settings.remove(owner) if spec is None else settings.apply(spec)


def now(app: App) -> dict[str, Backup]:
    """Back up all apps of the stack that an app is of, as its timer does, and wait until that has ended.

    Returns:
        How that went, by app.

    Raises:
        Failure: It did not go well, of any of them.
    """
    spec = records.of_app(app.name)
    unit = Places(spec.owner).service.name
    say.signs_of_life()
    say.step("backup", f"the unit {unit} backs up; it goes on if this connection is lost")
    return _went(spec, unit, "The backup has failed", ok=sh.run(["systemctl", "start", unit]).ok)


def drill(app: App) -> dict[str, Backup]:
    """Prove the newest backups now, as the weekly timer does. Returns and raises as ``now``."""
    spec = records.of_app(app.name)
    unit = Places(spec.owner).drill.name
    say.signs_of_life()
    say.step("drill", f"the unit {unit} restores the newest backups where nobody sees them, and compares")
    return _went(spec, unit, "The drill has failed", ok=sh.run(["systemctl", "start", unit]).ok)


def _went(spec: BackupSpec, unit: str, failed: str, *, ok: bool) -> dict[str, Backup]:
    found = {name: state for name in spec.apps if (state := backup_state.of(name))}
    if problem := problems(found):
        raise Failure(f"{failed}: {problem}")
    if not ok:
        raise Failure(f"{failed}: see journalctl -u {unit}")
    for name, each in found.items():
        for note in each["notes"]:
            say.step("warning", f"{name}: not packed as it is: {note}")
    return found


def problems(found: Mapping[str, Backup]) -> str:
    """What is wrong with the backups of apps, each once, with the apps' names where not all have the same."""
    wrong = {name: each["error"] for name, each in found.items() if each["error"]}
    if len(set(wrong.values())) == 1 and len(wrong) == len(found):
        return next(iter(wrong.values()))
    return "".join(f"\n  {name}: {why}" for name, why in wrong.items())


def begin_restore(app: App, words: list[str]) -> int:
    """Restore in a unit of systemd: it goes on if this connection is lost, and is ended well if it is killed.

    Args:
        app: The app.
        words: The arguments of ``restore-here``; it reads our standard input.

    Returns:
        Its exit status.
    """
    prepared.check(app)
    unit = app.task("restore")
    if not systemd.state(unit).is_stopped:
        raise Failure(f"A restore of {app.name} is under way: journalctl -f -u {unit}")
    sh.run(["systemctl", "reset-failed", unit])
    argv = [
        *("systemd-run", "--pipe", "--wait", "--collect", "--quiet", f"--unit={unit}"),
        f"--property=ExecStopPost={COMMAND} backup mend --app {app.name}",
        *(str(COMMAND), "backup", "restore-here", "--app", app.name, *words),
    ]
    return subprocess.run(argv, check=False).returncode


def restore_here(app: App, snapshot: str, who: str, of: str, spec: BackupSpec | None) -> restore.Restored:
    """Restore a snapshot; by default of the app's own, otherwise of the app ``of`` in the repository of ``spec``."""
    say.carry_on()
    say.signs_of_life()
    if spec is None:
        own = records.of_app(app.name)
        return restore.restore(app, Source(own, Places(own.owner), of or app.name, snapshot), who)
    say.redactor.add(*spec.secrets())
    if backups.is_folder(spec.repository) and spec.owner not in records.owners():
        raise Failure(
            f"The repository of {spec.owner} is the folder {spec.repository} on its own machine, which this one does "
            "not see. Copy it to an SFTP server or a bucket, and set launchpad:backup.repository of that stack to it."
        )
    if packages.missing(programs := settings.programs(spec)):
        # This machine has no backups of its own.
        with lock.alone(who, "a restore", spec.lock_timeout):
            packages.install(programs)
    folder = lent_keys(app)
    files.remove_tree(folder)
    files.directory(folder, 0o700)
    try:
        lent = Places(spec.owner, folder)
        records.write_keys(spec, lent)
        return restore.restore(app, Source(spec, lent, of or app.name, snapshot), who)
    finally:
        files.remove_tree(folder)


def mend(app: App, who: str) -> None:
    """End what a restore that was killed had begun, and forget the keys that were lent to it."""
    files.remove_tree(lent_keys(app))
    mending.mend(app, who)


def lent_keys(app: App) -> Path:
    """Where the keys to another machine's repository are while it is restored from: in memory, root's."""
    return RUN / f"restore.{app.name}"
