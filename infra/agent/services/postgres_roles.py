"""An app's role and its database: the role has the name of the app's user, and owns this database and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from infra.agent.services import sql
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
SELECT count(*) FROM pg_auth_members JOIN pg_roles ON pg_roles.oid = member WHERE rolname = {app};
"""
"""The role's options; whose the database is, whether it can be used, and whether all may; of how many others it is."""
AVAILABLE = """\
SELECT name, bool_or(trusted), coalesce(max(schema), '')
FROM pg_available_extension_versions GROUP BY name ORDER BY name;
"""
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
    facts = sql.run("Looking at the databases", FACTS.format(app=sql.text(app.user)))
    if facts == [[f"t f f f f f {connections}"], [app.user, "t", "f"], ["0"]]:
        return False
    say.step("database", f"setting up the database {app.name}")
    role, there = sql.name(app.user), {len(row) for row in facts}
    has_role = any(len(row) == 1 and len(row[0].split()) == 7 for row in facts)
    options = OPTIONS.format(connections)
    lines = [f"{'ALTER' if has_role else 'CREATE'} ROLE {role} {options};"]
    if 3 not in there:
        # Closed until it is known who may use it.
        lines.append(f"CREATE DATABASE {role} OWNER {role} TEMPLATE template0 ALLOW_CONNECTIONS false;")
    lines += [
        f"ALTER DATABASE {role} OWNER TO {role};",
        f"REVOKE ALL ON DATABASE {role}, postgres, template1 FROM PUBLIC;",
        f"ALTER DATABASE {role} ALLOW_CONNECTIONS true;",
        *(f"REVOKE {sql.name(group)} FROM {role};" for group in _groups(app)),
    ]
    sql.run(f"Setting up the database {app.name}", "\n".join(lines))
    return True


def extend(app: App, extensions: Sequence[str], database: str = "") -> bool:
    """Have extensions in the app's database; says whether one was created.

    One that PostgreSQL trusts everybody with is created by the app's own role; others by the server's user.

    Args:
        app: The app.
        extensions: Their names.
        database: Another database of the app's.

    Raises:
        Failure: The machine does not have one, or it cannot be created.
    """
    database = database or app.name
    there = {
        row[0]
        for row in sql.run(
            f"Connecting to the database {app.name} as its app",
            "SELECT extname FROM pg_extension;",
            user=app.user,
            database=database,
        )
    }
    wanted = [name for name in extensions if name not in there]
    if not wanted:
        return False
    rows = sql.run("Looking which extensions this machine has", AVAILABLE)
    available = {row[0]: (row[1] == "t", row[2]) for row in rows}
    if missing := [name for name in wanted if name not in available]:
        raise Failure(
            f"launchpad:database_extensions has {', '.join(missing)}, which this machine does not have. It has "
            f"{', '.join(sorted(available)[:SHOWN])}. The Debian package of another one goes into launchpad:packages"
        )
    for name in wanted:
        trusted, schema = available[name]
        say.step("database", f"creating the extension {name}")
        where = "" if schema else " SCHEMA public"
        who = {"user": app.user} if trusted else {}
        sql.run(
            f"Creating the extension {name}",
            f"CREATE EXTENSION {sql.name(name)}{where} CASCADE;",
            database=database,
            **who,
        )
    return True


def remove(app: App) -> None:
    """Remove the app's databases and its role, whoever is connected.

    Raises:
        Failure: That is not possible, with what PostgreSQL says.
    """
    text = f"SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = {sql.text(app.user)};"
    for row in sql.run("Looking which databases there are", text):
        drop(row[0])
    sql.run(f"Removing the role {app.user}", f"DROP ROLE IF EXISTS {sql.name(app.user)};")


def drop(database: str) -> None:
    """Remove a database, whoever is connected."""
    sql.run(f"Removing the database {database}", f"DROP DATABASE IF EXISTS {sql.name(database)} WITH (FORCE);")


def _groups(app: App) -> list[str]:
    """The roles that the app's role is of, as after a load that was interrupted."""
    text = (
        "SELECT pg_get_userbyid(roleid) FROM pg_auth_members JOIN pg_roles ON pg_roles.oid = member WHERE rolname = {};"
    )
    return [row[0] for row in sql.run("Looking at the roles", text.format(sql.text(app.user)))]
