"""The databases of apps beside what is in them: made, given to their owner, and removed, whatever the apps did."""

from __future__ import annotations

from collections.abc import Sequence

from infra.agent.services import postgres_place, sql
from infra.agent.services.sql import Server
from infra.agent.system.layout import App

LOADED, FORMER, PROVED = ".load", ".old", ".drill"
"""End the names of the database that a dump is loaded into, of the one that it replaces, and of one to try a dump."""
OWN_PUBLIC = 15
"""The first version in which the schema ``public`` is the database's owner's, and nobody else makes tables there."""
GRANTED = """\
SELECT DISTINCT coalesce(datname, {own}), coalesce(datallowconn, true)
FROM pg_shdepend LEFT JOIN pg_database ON pg_database.oid = dbid
WHERE refclassid = 'pg_authid'::regclass AND refobjid IN (SELECT oid FROM pg_roles WHERE rolname IN ({roles}));
"""
"""The databases in which something was granted to roles, and whether they can be connected to."""


def give_public(database: str) -> None:
    """Have the schema ``public`` of a new database be its owner's, as it is from version 15 on.

    Else some dumps could not be loaded: they have a comment on it, which only its owner can make.
    """
    cluster = postgres_place.here()
    if cluster and (text := public(cluster.major)):
        sql.run(f"Giving the schema public of {database} to its owner", text, database=database)


def public(major: int) -> str:
    """The statements that make the schema ``public`` the owner's; empty where it is.

    Args:
        major: PostgreSQL's major version.
    """
    if major >= OWN_PUBLIC:
        return ""
    return "ALTER SCHEMA public OWNER TO pg_database_owner; REVOKE CREATE ON SCHEMA public FROM PUBLIC;"


def drop(database: str, server: Server = sql.LOCAL) -> None:
    """Remove a database, whoever is connected. Its owner may have made it a template, which cannot be removed."""
    doing, name = f"Removing the database {database}", sql.name(database)
    if sql.run(
        doing, f"SELECT 1 FROM pg_database WHERE datname = {sql.text(database)} AND datistemplate;", server=server
    ):
        sql.run(doing, f"ALTER DATABASE {name} IS_TEMPLATE false;", server=server)
    sql.run(doing, f"DROP DATABASE IF EXISTS {name} WITH (FORCE);", server=server, limit=sql.LONG)


def drop_roles(roles: Sequence[str], server: Server = sql.LOCAL) -> None:
    """Remove roles, which own nothing any more. Another app may have granted them something, which would keep them.

    On another server that stays as it is: who rules that is no superuser, and may not look into every database.

    Args:
        roles: Their names; one that is not there is passed over.
        server: Which server has them.

    Raises:
        Failure: That is not possible, with what PostgreSQL says.
    """
    listed = ", ".join(sql.text(role) for role in roles)
    text = f"SELECT rolname FROM pg_roles WHERE rolname IN ({listed});"
    there = [row[0] for row in sql.run("Looking at the roles", text, server=server)]
    if not there:
        return
    names = ", ".join(sql.name(role) for role in there)
    granted = GRANTED.format(roles=listed, own=sql.text(sql.OWN))
    for database, is_open in sql.run("Looking what was granted", granted) if server is sql.LOCAL else []:
        if is_open == "f":
            sql.run(f"Opening the database {database}", f"ALTER DATABASE {sql.name(database)} ALLOW_CONNECTIONS true;")
        sql.run(f"Taking back what was granted in {database}", f"DROP OWNED BY {names};", database=database)
    sql.run(f"Removing the role {there[0]}", f"DROP ROLE IF EXISTS {names};", server=server)


def scratch(app: App, ending: str, server: Server = sql.LOCAL) -> str:
    """Make an empty database that the app's role can use beside its own; gives its name.

    pg_hba.conf lets a role into the databases that are named after itself or after a role that it is a member of.

    Args:
        app: The app.
        ending: What its name ends with.
        server: Which server has it.
    """
    new = app.name + ending
    role, own = sql.name(new), sql.name(app.user)
    forget(app, ending, server)
    sql.run(
        f"Making the database {new}",
        f"CREATE ROLE {role} NOLOGIN; GRANT {role} TO {own};\n"
        f"CREATE DATABASE {role} OWNER {own} TEMPLATE template0 ALLOW_CONNECTIONS false;\n"
        f"REVOKE ALL ON DATABASE {role} FROM PUBLIC; ALTER DATABASE {role} ALLOW_CONNECTIONS true;",
        server=server,
        limit=sql.LONG,
    )
    if server is sql.LOCAL:
        give_public(new)
    return new


def forget(app: App, ending: str, server: Server = sql.LOCAL) -> None:
    """Remove such a database, if it is there, and the role that goes with it."""
    drop(app.name + ending, server)
    drop_roles([app.name + ending], server)


def tidy(app: App, server: Server = sql.LOCAL) -> None:
    """Remove what a load that was killed has left; no load is under way."""
    forget(app, LOADED, server)
    drop(app.name + FORMER, server)
