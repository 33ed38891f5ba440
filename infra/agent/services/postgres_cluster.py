"""PostgreSQL's server on this machine: one cluster of Launchpad's own for all apps, beside whatever else is there."""

from __future__ import annotations

import pwd
import time
from collections.abc import Iterable
from pathlib import Path

from infra.agent.process import worker_count
from infra.agent.services import postgres_files, postgres_package, postgres_place, postgres_tuning, sql
from infra.agent.services.postgres_files import ACCESS, CONFIG, FOLDER, MAP, UNIT, UNIT_FILE, USER
from infra.agent.services.postgres_place import OWN_DISK, Cluster
from infra.agent.system import files, say, sh, systemd, users
from infra.agent.system.failure import Failure

READY = 120.0
"""Seconds that the server may take until it answers: after a crash it first reads what it had written."""


def prepare(disk: str) -> tuple[Cluster, bool]:
    """Have the server run as it should; one that does already is left alone.

    Args:
        disk: Where the machine's disk for data is.

    Returns:
        The cluster, and whether anything changed.

    Raises:
        Failure: It does not, and why.
    """
    base = postgres_place.base(disk)
    cluster = postgres_place.chosen(base, postgres_package.installed())
    changed = users.add(USER, str(OWN_DISK), "Launchpad PostgreSQL")
    changed |= files.directory(base, 0o755)
    if not postgres_place.majors(base):
        _make(cluster)
        changed = True
    _own(cluster)
    tuned = postgres_tuning.tuning(worker_count.machine_memory())
    version = postgres_files.version(tuned, cluster.major, cluster.programs, cluster.data)
    written = [
        files.directory(FOLDER, 0o755),
        files.write(CONFIG, postgres_files.config(tuned, cluster.major)),
        files.write(ACCESS, postgres_files.ACCESS_TEXT),
        files.write(MAP, postgres_files.MAP_TEXT),
        files.write(UNIT_FILE, postgres_files.unit(cluster.programs, cluster.data, version)),
    ]
    systemd.enable(UNIT, UNIT_FILE)
    return cluster, _run(cluster, version) or any(written) or changed


def start() -> None:
    """Have the server run, as it was prepared.

    Raises:
        Failure: It does not, and why.
    """
    if not systemd.running(UNIT):
        say.step("database", "starting PostgreSQL")
        systemd.start(UNIT)
    _wait()


def stop() -> None:
    """Stop the server and remove what it is started by; the databases stay."""
    systemd.stop(UNIT)
    systemd.disable(UNIT)
    files.remove_tree(UNIT_FILE)
    systemd.reload()
    files.remove_tree(FOLDER)


def _run(cluster: Cluster, version: str) -> bool:
    """Have it run with the files as they are; says whether it was started for that."""
    if systemd.active_as_written(UNIT) and sql.shown(postgres_files.VERSION) == version:
        return False
    systemd.reload()
    say.step("database", f"starting PostgreSQL {cluster.major} in {cluster.data}")
    sh.run(["systemctl", "reset-failed", UNIT])
    systemd.restart(UNIT)
    _wait()
    return True


def _make(cluster: Cluster) -> None:
    """Make an empty cluster: complete under its name, or not at all.

    The order of texts is that of C.UTF-8, which no update of the system changes: an index fits on any machine.
    """
    user = pwd.getpwnam(USER)
    say.step("database", f"making a PostgreSQL {cluster.major} cluster in {cluster.data}")
    scratch = cluster.base / f"{cluster.major}.new"
    files.remove_tree(scratch)
    files.directory(scratch, 0o700, (user.pw_uid, user.pw_gid))
    sh.run(
        [
            *sql.as_user(USER),
            *(str(cluster.programs / "initdb"), f"--pgdata={scratch}", f"--username={USER}", "--auth=peer"),
            *("--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"),
        ],
        doing="Making the cluster",
    )
    scratch.rename(cluster.data)


def _own(cluster: Cluster) -> None:
    """Give the databases of another machine to this machine's user, if its id is another one."""
    user, found = pwd.getpwnam(USER), cluster.data.lstat()
    if (found.st_uid, found.st_gid) != (user.pw_uid, user.pw_gid):
        systemd.stop(UNIT)
        files.own_tree(cluster.data, user.pw_uid, user.pw_gid)
        cluster.data.chmod(0o700)  # by any other mode, the server would open what it writes to its group


def _wait() -> None:
    """Wait until the server answers.

    Raises:
        Failure: It does not, with its log.
    """
    until = time.monotonic() + READY
    while not sql.answers():
        state = systemd.state(UNIT)
        if time.monotonic() > until or (state.active == "failed") or state.is_looping():
            log = sh.run(["journalctl", f"--unit={UNIT}", "--lines=12", "--output=cat", "--no-pager"]).out.strip()
            raise Failure(f"PostgreSQL does not run ({UNIT}: {state.describe()}). Its log ends with:\n{log}")
        time.sleep(0.05)


def removed(folders: Iterable[Path]) -> None:
    """Remove the folders of the databases and the server's user; the server is stopped."""
    for folder in folders:
        files.remove_tree(folder)
    if users.is_there(USER):
        users.remove(USER)
