"""The PostgreSQL database of an app: set up by ``prepare``, ready before a release, taken away with the app."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from infra.agent.process import worker_count
from infra.agent.services import (
    postgres_cluster,
    postgres_move,
    postgres_package,
    postgres_place,
    postgres_roles,
    postgres_tuning,
    sql,
)
from infra.agent.services.postgres_files import UNIT
from infra.agent.system import files, say
from infra.agent.system.failure import Failure
from infra.agent.system.layout import SETTINGS, App
from infra.protocol.database import Database

STATE_COLUMNS = (
    "pg_database_size(datname)",
    "(SELECT count(*) FROM pg_stat_activity AS a WHERE a.datname = d.datname)",
    "(SELECT rolconnlimit FROM pg_roles WHERE rolname = datname)",
)
STATE = f"SELECT {', '.join(STATE_COLUMNS)} FROM pg_database AS d WHERE datname = {{app}};"
NOTE = "apps.json"
"""Beside the databases: which apps have one, for when no server runs; root's."""
STAYS = "launchpad:database is empty now; the database {} stays until the app is removed with delete_data"


def packages(wanted: Database) -> tuple[str, ...]:
    """The Debian packages of a database."""
    return postgres_package.PACKAGES if wanted.engine else ()


def before_installation(wanted: Database) -> None:
    """Have the packages make no cluster of their own."""
    if wanted.engine:
        postgres_package.before_installation()


def prepare(app: App, wanted: Database, disk: str) -> bool:
    """Have the app's database there and ready, once the packages and the app's user are; says whether anything changed.

    Args:
        app: The app.
        wanted: Which database. None: one that is there stays.
        disk: Where the machine's disk for data is.

    Raises:
        Failure: It cannot be, and why. What there is of databases is as before.
    """
    if not wanted.engine:
        if app.name in noted():
            say.step("database", STAYS.format(app.name))
        return False
    postgres_package.after_installation()
    moved = postgres_move.settle(disk)
    cluster, changed = postgres_cluster.prepare(disk)
    changed |= moved
    _note(cluster.base, {*noted(), app.name})
    changed |= postgres_roles.prepare(app, postgres_tuning.tuning(worker_count.machine_memory()).of_one_app)
    changed |= postgres_roles.extend(app, wanted.extensions)
    postgres_move.end(disk)
    return changed


def ready(app: App) -> None:
    """Have the app's own connection to its database work.

    Raises:
        Failure: It does not, and why.
    """
    if postgres_place.here() is None:
        raise Failure(f"The database of {app.name} is not on this machine: launchpad up")
    if sql.answers(app.user, app.name):
        return
    postgres_cluster.start()
    sql.run(f"Connecting to the database {app.name} as its app", "SELECT 1;", user=app.user, database=app.name)


def has_database(app: App) -> bool:
    """Whether the app has a database on this machine, whether it runs or not."""
    return app.name in noted()


class State(TypedDict):
    """The state of a database: PostgreSQL's version, bytes on the disk, open connections and how many may be.

    All but the version are None where PostgreSQL does not answer.
    """

    version: int
    size: int | None
    connections: int | None
    most_connections: int | None


def state(app: App) -> State | None:
    """The state of the app's database; None if it has none."""
    cluster = postgres_place.here()
    if cluster is None or not has_database(app):
        return None
    done = sql.psql(STATE.format(app=sql.text(app.name)))
    row = done.out.strip().split(sql.BETWEEN) if done.ok else []
    size, connections, most = (int(value) for value in row) if len(row) == len(STATE_COLUMNS) else (None, None, None)
    return State(version=cluster.major, size=size, connections=connections, most_connections=most)


def describe(found: State) -> str:
    """The state of a database for people."""
    if found["size"] is None:
        return f"PostgreSQL {found['version']}, which does not answer: journalctl -u {UNIT}"
    used = f"{found['connections']} of {found['most_connections']} connections"
    return f"PostgreSQL {found['version']}, {found['size'] / 10**6:.1f} MB, {used}"


def noted() -> set[str]:
    """The apps that have a database on this machine, whether it runs or not."""
    return {app for base in _bases() for app in _of(base)}


def remove(app: App, *, keep_data: bool) -> tuple[list[str], list[str]]:
    """Take away an app's database; with the last one the whole cluster. The app is stopped.

    Args:
        app: The app.
        keep_data: Whether the database stays. Its server then stops if no other app needs it.

    Returns:
        Where it stays, as it was to; and what could not be removed, with the reason.
    """
    if not has_database(app):
        return [], []
    cluster, others = postgres_place.here(), noted() - {app.name}
    if keep_data:
        if cluster and not _in_use(app):
            postgres_cluster.stop()
        return [str(base) for base in _bases() if app.name in _of(base)], []
    if not others:
        postgres_cluster.stop()
        postgres_cluster.removed(_bases())
        return [], []
    if cluster is None:
        return [], [f"the database {app.name}: PostgreSQL does not run here. It goes with the last app's"]
    try:
        postgres_cluster.start()
        postgres_roles.remove(app)
    except Failure as failure:
        return [], [f"the database {app.name}: {failure}"]
    _note(cluster.base, others)
    if not _in_use(app):
        postgres_cluster.stop()
    return [], []


def _bases() -> list[Path]:
    """The folders in which there may be clusters."""
    return [base for base in (postgres_place.OWN_DISK, postgres_place.DATA_DISK) if base.is_dir()]


def _of(base: Path) -> list[str]:
    return list((files.read_json(base / NOTE) or {}).get("apps", []))


def _note(base: Path, apps: set[str]) -> None:
    files.write_json(base / NOTE, {"apps": sorted(apps)})


def _in_use(but: App) -> bool:
    """Whether an app but one wants a database, by the specification that the machine was prepared with."""
    for path in SETTINGS.glob("*/prepare.json"):
        wanted = (files.read_json(path) or {}).get("database")
        if path.parent.name != but.name and isinstance(wanted, dict) and wanted.get("engine"):
            return True
    return False
