"""The PostgreSQL database of an app, here or on RDS: set up by ``prepare``, ready before a release, removed with it."""

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
    rds,
    sql,
)
from infra.agent.services.postgres_files import UNIT
from infra.agent.system import files, say, sh
from infra.agent.system.failure import Failure
from infra.agent.system.layout import SETTINGS, App
from infra.protocol.database import POSTGRES, RDS, Database

STATE_COLUMNS = (
    "current_setting('server_version_num')::int / 10000",
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
    return {POSTGRES: postgres_package.PACKAGES, RDS: rds.PACKAGES}.get(wanted.engine, ())


def before_installation(wanted: Database) -> None:
    """Have the packages make no cluster of their own."""
    if wanted.engine == POSTGRES:
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
    if wanted.engine == RDS:
        return rds.prepare(app, wanted)
    left = rds.leave(app, wanted)
    if not wanted.engine:
        if has_database(app):
            say.step("database", STAYS.format(app.name))
        return left
    postgres_package.after_installation()
    moved = postgres_move.settle(disk)
    cluster, changed = postgres_cluster.prepare(disk)
    changed |= moved or left
    _note(cluster.base, {*noted(), app.name})
    changed |= postgres_roles.prepare(app, postgres_tuning.tuning(worker_count.machine_memory()).of_one_app)
    changed |= postgres_roles.extend(app, wanted.extensions)
    postgres_move.end(disk)
    return changed


def server(app: App) -> sql.Server:
    """The server with the database that the app uses: as it was prepared, or the only one that there is."""
    elsewhere = rds.of(app)
    engine = ((files.read_json(app.preparation) or {}).get("database") or {}).get("engine")
    if elsewhere and (engine == RDS or (not engine and app.name not in noted())):
        return elsewhere
    return sql.LOCAL


def ask(app: App, text: str, database: str = sql.OWN) -> sh.Finished:
    """Ask about an app's database: here as the server's own user, on RDS as the app, which takes no password to read.

    Args:
        app: The app.
        text: The question.
        database: Where it is asked, if it is here.
    """
    there = server(app)
    if isinstance(there, rds.Rds):
        return sql.psql(text, user=app.user, database=app.name, server=there)
    return sql.psql(text, database=database)


def ready(app: App) -> None:
    """Have the app's own connection to its database work.

    Raises:
        Failure: It does not, and why.
    """
    elsewhere = server(app)
    if isinstance(elsewhere, rds.Rds):
        rds.ready(elsewhere)
        return
    if postgres_place.here() is None or not has_database(app):
        raise Failure(
            f"{app.name} has no database on this machine: set launchpad:database to postgres, then launchpad up"
        )
    if sql.answers(app.user, app.name):
        return
    postgres_cluster.start()
    postgres_roles.relieve(app)
    sql.run(f"Connecting to the database {app.name} as its app", "SELECT 1;", user=app.user, database=app.name)


def has_database(app: App) -> bool:
    """Whether the app has a database, here or on RDS, whether that runs or not."""
    return app.name in noted() or rds.of(app) is not None


class State(TypedDict):
    """The state of a database: PostgreSQL's version, bytes on the disk, open connections and how many may be.

    All are None where PostgreSQL does not answer, but for the version of one on the machine; ``server`` is empty there.
    """

    server: str
    version: int | None
    size: int | None
    connections: int | None
    most_connections: int | None


def state(app: App) -> State | None:
    """The state of the app's database; None if it has none."""
    cluster, there = postgres_place.here(), server(app)
    elsewhere = there.place.host if isinstance(there, rds.Rds) else ""
    if not has_database(app) or (cluster is None and not elsewhere):
        return None
    done = ask(app, STATE.format(app=sql.text(app.name)))
    row = done.out.strip().split(sql.BETWEEN) if done.ok else []
    found: list[int | None] = [int(value) for value in row] if len(row) == len(STATE_COLUMNS) else []
    version, size, connections, most = found or (None, None, None, None)
    if cluster and not elsewhere:
        version = cluster.major
    return State(server=elsewhere, version=version, size=size, connections=connections, most_connections=most)


def describe(found: State) -> str:
    """The state of a database for people."""
    if found["size"] is None:
        if found["server"]:
            return f"PostgreSQL on {found['server']}, which does not answer"
        return f"PostgreSQL {found['version']}, which does not answer: journalctl -u {UNIT}"
    used = f"{found['connections']} of {found['most_connections']} connections"
    where = f" on {found['server']}" if found["server"] else ""
    return f"PostgreSQL {found['version']}{where}, {found['size'] / 10**6:.1f} MB, {used}"


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
    kept = elsewhere.place.host if (elsewhere := rds.of(app)) and keep_data else ""
    left = [] if keep_data else rds.remove(app)
    if app.name not in noted():
        return [kept] if kept else [], left
    stays, problems = _remove_here(app, keep_data=keep_data)
    return [*stays, *([kept] if kept else [])], [*left, *problems]


def _remove_here(app: App, *, keep_data: bool) -> tuple[list[str], list[str]]:
    """The same for a database on this machine."""
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
        if path.parent.name != but.name and isinstance(wanted, dict) and wanted.get("engine") == POSTGRES:
            return True
    return False
