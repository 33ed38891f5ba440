"""An app's role and its database: the role has the name of the app's user, and owns this database and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from infra.agent.services import postgres_databases, sql
from infra.agent.services.postgres_databases import FORMER, LOADED, PROVED
from infra.agent.services.sql import Server
from infra.agent.system import say
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App

OPTIONS = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT {}"
FACTS = """\
SELECT concat_ws(' ', rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolconnlimit)
FROM pg_roles WHERE rolname = {app};
SELECT pg_get_userbyid(datdba), datallowconn,
  EXISTS (SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) WHERE grantee = 0)
FROM pg_database WHERE datname = {app};
SELECT (SELECT count(*) FROM pg_auth_members JOIN pg_roles ON pg_roles.oid = member
    WHERE rolname = {app} AND pg_get_userbyid(roleid) <> {proved})
  + (SELECT count(*) FROM pg_database WHERE datname IN ({loaded}, {former}))
  + (SELECT count(*) FROM pg_roles WHERE rolname = {loaded});
"""
"""The role's options; whose the database is, whether it can be used, and whether all may; what a load has left."""
AVAILABLE = """\
SELECT name, bool_or(trusted), coalesce(max(schema), '')
FROM pg_available_extension_versions GROUP BY name ORDER BY name;
"""
IDLE = """\
WITH own AS (SELECT pid, state, state_change FROM pg_stat_activity WHERE usename = {app}),
  most AS (SELECT rolconnlimit FROM pg_roles WHERE rolname = {app})
SELECT pg_terminate_backend(pid, 10000) FROM (
  SELECT pid FROM own WHERE state LIKE 'idle%' AND (SELECT count(*) FROM own) >= (SELECT rolconnlimit FROM most)
  ORDER BY state_change LIMIT (SELECT greatest(1, rolconnlimit / 4) FROM most)) AS idle;
"""
"""Ends a quarter of an app's connections, those that were idle for longest, if it has all that it may have."""
SHOWN = 60
"""Names of extensions that a message lists."""


def prepare(app: App, connections: int) -> bool:
    """Have the role and the database as they should be; says whether anything changed. Rows are never touched.

    Args:
        app: The app.
        connections: How many connections it may have.

    Raises:
        Failure: That is not possible, with what PostgreSQL says.
    """
    facts = sql.run("Looking at the databases", facts_of(app))
    if facts == wanted(app, connections):
        return False
    doing = f"Setting up the database {app.name}"
    say.step("database", f"setting up the database {app.name}")
    role, there = sql.name(app.user), [row for row in facts if len(row) == 3]
    has_role = any(len(row) == 1 and len(row[0].split()) == 7 for row in facts)
    options = OPTIONS.format(connections)
    lines = [f"{'ALTER' if has_role else 'CREATE'} ROLE {role} {options};"]
    if not there:
        # Closed until it is known who may use it.
        lines.append(f"CREATE DATABASE {role} OWNER {role} TEMPLATE template0 ALLOW_CONNECTIONS false;")
    lines += [
        f"ALTER DATABASE {role} OWNER TO {role};",
        f"ALTER DATABASE {role} ALLOW_CONNECTIONS true;",
        *(f"REVOKE {sql.name(group)} FROM {role};" for group in groups(app)),
    ]
    sql.run(doing, "\n".join(lines), limit=sql.LONG)
    if there != [[app.user, "t", "f"]]:
        postgres_databases.give_public(app.name)
    # Last, for by this it is known that all is done.
    sql.run(doing, f"REVOKE ALL ON DATABASE {role}, postgres, template1 FROM PUBLIC;")
    if facts[-1] != ["0"]:
        postgres_databases.tidy(app)
    return True


def facts_of(app: App) -> str:
    """The question for what there is of an app: ``FACTS`` with its names."""
    names = {"loaded": LOADED, "former": FORMER, "proved": PROVED}
    texts = {name: sql.text(app.name + ending) for name, ending in names.items()}
    return FACTS.format(app=sql.text(app.user), **texts)


def wanted(app: App, connections: int) -> list[list[str]]:
    """The rows of ``FACTS`` where everything is as it should be.

    Args:
        app: The app.
        connections: How many connections it may have.
    """
    return [[f"t f f f f f {connections}"], [app.user, "t", "f"], ["0"]]


def extend(app: App, extensions: Sequence[str], database: str = "", server: Server = sql.LOCAL) -> bool:
    """Have extensions in the app's database; says whether one was created.

    One that PostgreSQL trusts everybody with is created by the app's own role; others by the one that rules the server.

    Args:
        app: The app.
        extensions: Their names.
        database: Another database of the app's.
        server: Which server has it.

    Raises:
        Failure: The machine does not have one, or it cannot be created.
    """
    database = database or app.name
    there = extensions_of(app, database, server)
    lacking = [name for name in extensions if name not in there]
    if not lacking:
        return False
    local = server is sql.LOCAL
    rows = sql.run("Looking which extensions there are", AVAILABLE, user=app.user, database=database, server=server)
    available = {row[0]: (row[1] == "t", row[2]) for row in rows}
    if missing := [name for name in lacking if name not in available]:
        more = ". The Debian package of another one goes into launchpad:packages" if local else ""
        raise Failure(
            f"launchpad:database_extensions has {', '.join(missing)}, which {'this machine' if local else 'RDS'} does "
            f"not have. It has {', '.join(sorted(available)[:SHOWN])}{more}"
        )
    for name in lacking:
        trusted, schema = available[name]
        say.step("database", f"creating the extension {name}")
        where = "" if schema else " SCHEMA public"
        who = {"user": app.user} if trusted else {}
        sql.run(
            f"Creating the extension {name}",
            f"CREATE EXTENSION {sql.name(name)}{where} CASCADE;",
            database=database,
            server=server,
            limit=sql.LONG,
            **who,
        )
    return True


def relieve(app: App) -> int:
    """End connections that the app does not use, if it has all that it may have; gives how many.

    An app that leaves its connections open would keep out its own next release, and its backups.
    """
    ended = len(sql.run("Looking at the connections", IDLE.format(app=sql.text(app.user))))
    if ended:
        say.step(
            "warning",
            f"{app.name} has all the connections to its database that it may have. {ended} of them are ended, which "
            "were idle for longest. Does it leave them open? launchpad psql -- -c 'select * from pg_stat_activity'",
        )
    return ended


def extensions_of(app: App, database: str, server: Server = sql.LOCAL) -> set[str]:
    """The extensions that a database of the app's has."""
    doing, text = f"Connecting to the database {app.name} as its app", "SELECT extname FROM pg_extension;"
    return {row[0] for row in sql.run(doing, text, user=app.user, database=database, server=server)}


def remove(app: App, server: Server = sql.LOCAL) -> None:
    """Remove the app's databases and its roles, whoever is connected.

    Args:
        app: The app.
        server: Which server has them.

    Raises:
        Failure: That is not possible, with what PostgreSQL says.
    """
    text = f"SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = {sql.text(app.user)};"
    for row in sql.run("Looking which databases there are", text, server=server):
        postgres_databases.drop(row[0], server)
    postgres_databases.drop_roles([app.user + ending for ending in ("", LOADED, PROVED)], server)


def groups(app: App, server: Server = sql.LOCAL) -> list[str]:
    """The roles that the app's role is of although no dump is being tried."""
    text = (
        "SELECT pg_get_userbyid(roleid) FROM pg_auth_members JOIN pg_roles ON pg_roles.oid = member "
        f"WHERE rolname = {sql.text(app.user)} AND pg_get_userbyid(roleid) <> {sql.text(app.name + PROVED)};"
    )
    return [row[0] for row in sql.run("Looking at the roles", text, server=server)]
