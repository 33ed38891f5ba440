"""Dumps an app's database, and loads a dump in its place. PostgreSQL's programs run as the app's user, not as root."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from infra.agent.services import (
    postgres,
    postgres_databases,
    postgres_place,
    postgres_program,
    postgres_roles,
    rds,
    sql,
)
from infra.agent.services.postgres_databases import FORMER, LOADED, PROVED
from infra.agent.services.sql import Server
from infra.agent.system import files, say, sh, space
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App

FORM = ("--format=custom", "--no-password", "--lock-wait-timeout=600s")
"""PostgreSQL's own form: compressed, and pg_restore can choose from it. A table that is locked is waited for."""
RESTORE = ("--no-password", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error")
TRIES = 5
BLOCK = 2**20
SHOWN = 6
"""Lines of pg_restore's errors that are shown."""


@contextmanager
def dump(app: App) -> Iterator[IO[bytes]]:
    """A dump of the app's database, as a stream that has to be read to its end within the block.

    It is of one moment, whatever is written meanwhile, and holds up nobody.

    Args:
        app: The app.

    Raises:
        Failure: There is no database, or the dump is not complete: at the end of the block.
    """
    postgres.ready(app)
    server = postgres.server(app)
    words = server.client("pg_dump", *FORM, user=app.user, database=app.name)
    with postgres_program.running(words, env=server.env(app.user)) as program:
        yield program.out
    if program.code:
        said = program.last_lines(SHOWN)
        raise Failure(f"The dump of {app.name} is not complete (exit status {program.code}):\n{said}")


def load(app: App, stream: IO[bytes], extensions: tuple[str, ...] = (), size: int = -1) -> None:
    """Put a dump in the place of the app's database. Until it is loaded completely, the app has the one that it had.

    The dump may hold any statement, so it is run by the app's own role.

    Args:
        app: The app.
        stream: The dump, in PostgreSQL's custom form.
        extensions: The extensions that the database has to have.
        size: The bytes that the dump has; negative if that is not known.

    Raises:
        Failure: It cannot be loaded, and why. The database is as before.
    """
    with loaded(app, stream, extensions, size) as new, in_place(app, new):
        pass


def prove(app: App, stream: IO[bytes], extensions: tuple[str, ...] = (), size: int = -1) -> int:
    """Load a dump into a scratch database, which is gone then; gives how many tables it has. Arguments as in ``load``.

    It needs nothing that a deployment or a load uses, so it keeps nobody waiting however long it takes.

    Raises:
        Failure: It cannot be loaded.
    """
    with loaded(app, stream, extensions, size, PROVED) as new:
        text = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema');"
        server = postgres.server(app)
        return int(sql.run("Counting the tables", text, user=app.user, database=new, server=server)[0][0])


def oid(app: App) -> int:
    """What PostgreSQL calls the app's database inside, which is another after each load."""
    text = f"SELECT oid FROM pg_database WHERE datname = {sql.text(app.name)};"
    return _number(app, "Looking at the database", text)


@contextmanager
def loaded(app: App, stream: IO[bytes], extensions: tuple[str, ...], size: int, ending: str = LOADED) -> Iterator[str]:
    """The database that a dump has been loaded into, as long as the block lasts, unless it is renamed there.

    Arguments as in ``load``; ``ending`` ends its name.

    Raises:
        Failure: It cannot be loaded.
    """
    postgres.ready(app)
    base = _room(app)
    _check_room(app, base, max(size, 0))
    folder = base / f"{app.name}{ending}"
    files.remove_tree(folder)
    # The list of what is loaded is read as the app's user; the dump's own mode keeps everybody from that.
    folder.mkdir(mode=0o711)
    try:
        path = folder / "dump"
        with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            while some := stream.read(BLOCK):
                space.leave_some(file)
                file.write(some)
        arrived = path.stat().st_size
        if 0 <= size != arrived:
            raise Failure(f"Only {arrived} of {size} bytes arrived; nothing was changed. Run it again")
        _check_room(app, base, 0)
        with _scratch(app, extensions, ending) as new:
            _restore(app, path, new)
            yield new
    finally:
        files.remove_tree(folder)


def _number(app: App, doing: str, text: str) -> int:
    """The number that is the answer to a question about the app's database."""
    done = postgres.ask(app, text)
    if not done.ok:
        raise Failure(f"{doing} failed: {done.last_lines(4)}")
    return int(done.out)


def _room(app: App) -> Path:
    """The folder on this machine that a dump is put into: where the databases are, or with the app's state."""
    cluster = postgres_place.here()
    if isinstance(postgres.server(app), rds.Rds):
        return app.state
    assert cluster is not None
    return cluster.base


def _check_room(app: App, base: Path, size: int) -> None:
    """Refuse a load for which there is no room: PostgreSQL stops where it cannot write, for all apps.

    Args:
        app: The app.
        base: Where the dump goes, and where the databases are if they are here.
        size: The bytes that the dump itself takes.
    """
    second = _number(app, "Looking at the database's size", f"SELECT pg_database_size({sql.text(app.name)});")
    server = postgres.server(app)
    if isinstance(server, rds.Rds):
        rds.check_room(server, second + space.RESERVE)
        second = 0
    needed = second + size + space.RESERVE
    free = files.free_bytes(base)
    if free < needed:
        raise Failure(
            f"A load needs the room of a second database: {needed // 10**6} MB in {base}, where {free // 10**6} MB are "
            "free. Nothing was changed"
        )


@contextmanager
def _scratch(app: App, extensions: tuple[str, ...], ending: str) -> Iterator[str]:
    """An empty database with extensions, as long as the block lasts; gone then, unless it has been renamed."""
    server = postgres.server(app)
    # Those that no key has any more are in the dump, too, and not each of them the app could create.
    wanted = {*extensions, *postgres_roles.extensions_of(app, app.name, server)}
    new = postgres_databases.scratch(app, ending, server)
    try:
        postgres_roles.extend(app, sorted(wanted), new, server)
        yield new
    finally:
        with contextlib.suppress(Failure):
            postgres_databases.forget(app, ending, server)


def _restore(app: App, path: Path, new: str) -> None:
    """Load a dump into a database, without the extensions that are in it already."""
    say.step("database", f"loading {path.stat().st_size / 10**6:.1f} MB")
    with path.open("rb") as file:
        listed = _pg_restore(app, file, "--list", database="")
    if listed.code:
        raise Failure(
            "This is no dump in PostgreSQL's custom form (pg_dump --format=custom), or it is damaged; the database is "
            f"as before: {listed.last_lines(2)}"
        )
    server = postgres.server(app)
    chosen = path.with_name("list")
    chosen.write_text(without(listed.out, postgres_roles.extensions_of(app, new, server)), encoding="utf-8")
    with path.open("rb") as file:
        done = _pg_restore(app, file, *RESTORE, f"--use-list={chosen}", database=new)
    if done.code:
        raise Failure(f"The dump cannot be loaded; the database is as before:\n{done.last_lines(SHOWN)}")
    sql.run(
        "Counting the rows for the planner", "ANALYZE;", user=app.user, database=new, server=server, limit=sql.LONGEST
    )


def without(listed: str, extensions: set[str]) -> str:
    """The contents of a dump without the extensions that are there, and without the comments on them.

    Args:
        listed: What ``pg_restore --list`` prints.
        extensions: Their names.
    """

    def is_one(line: str) -> bool:
        # 2; 3079 16389 EXTENSION - pg_trgm
        # 3500; 0 0 COMMENT - EXTENSION pg_trgm
        words = line.split()
        return bool({"EXTENSION"} & {*words[3:4], *words[5:6]}) and words[-1].strip('"') in extensions

    return "".join(f"{line}\n" for line in listed.splitlines() if not is_one(line))


@contextmanager
def in_place(app: App, new: str) -> Iterator[None]:
    """Have a database in the place of the app's. The former one is kept within the block, and is back if that fails.

    Args:
        app: The app.
        new: The database, as ``loaded`` gives it.
    """
    former, server = app.name + FORMER, postgres.server(app)
    doing = f"Connecting to the database {app.name} as its app"
    say.step("database", f"switching {app.name} to what was loaded")
    postgres_databases.drop(former, server)
    _rename(server, (app.name, former), (new, app.name))
    try:
        sql.run(doing, "SELECT 1;", user=app.user, database=app.name, server=server)
        yield
    except BaseException:
        say.step("database", f"switching {app.name} back to what it had")
        _rename(server, (app.name, new), (former, app.name))
        raise
    postgres_databases.drop(former, server)


def _rename(server: Server, *pairs: tuple[str, str]) -> None:
    """Give databases other names, all in one transaction. Who is connected to them is cut off.

    Args:
        server: The server that has them.
        pairs: The names that they have, each with the one that they get.
    """
    cut = ", ".join(sql.text(name) for name, _ in pairs)
    renamed = " ".join(f"ALTER DATABASE {sql.name(name)} RENAME TO {sql.name(other)};" for name, other in pairs)
    statements = (
        # Only those of roles that it rules: the master of RDS is no superuser, and may end no others.
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        f"WHERE datname IN ({cut}) AND pid <> pg_backend_pid() "
        "AND usesysid IS NOT NULL AND pg_has_role(usesysid, 'USAGE');\n"
        f"BEGIN; {renamed} COMMIT;"
    )
    for _ in range(TRIES):
        # The app may have connected again between the two: then PostgreSQL does not rename.
        done = sql.psql(statements, server=server, limit=sql.LONG)
        if done.ok:
            return
    raise Failure(f"The database is as before, for it is in use: {done.last_lines(2)}")


def _pg_restore(app: App, file: IO[bytes], *words: str, database: str) -> sh.Finished:
    """Run pg_restore on a file of root's, which only its handle reaches; what it does may be the dump's own work."""
    server = postgres.server(app)
    argv = server.client("pg_restore", *words, user=app.user, database=database)
    argv = [word for word in argv if word != "--dbname="]
    with postgres_program.running(argv, file, env=server.env(app.user)) as program:
        out = program.text()
    return sh.Finished(program.code, out, program.last_lines(SHOWN))
