"""An app's database on the stack's RDS: a role and a database of its own there, which the app reaches by TLS.

The server's master user makes them. Its password is RDS's affair, which changes it every week: it is read from Secrets
Manager when there is something to do for it, and kept nowhere. The app's role has a password of its own, which nobody
changes, so that a connection works whatever becomes of the master's.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from infra.agent.services import postgres_databases, postgres_package, postgres_roles, rds_password, rds_trust, sql
from infra.agent.system import files, say
from infra.agent.system.failure import Failure
from infra.agent.system.layout import SETTINGS, App
from infra.protocol import codec, database
from infra.protocol.database import Database
from infra.protocol.database import Server as Place

PACKAGES = ("postgresql-client",)
MASTER = "launchpad"
"""The master user, as infra/machines/ec2/rds.py names it."""
NOTE = "rds.json"
"""In the folder of the app's settings: where the server is that has its database."""
FULL = 0.9
"""The part of its disk that databases may take: logs and what is being sorted need room, too."""
TRIES, PAUSE = 5, 3.0
"""Logins as the master, and the seconds between two: while RDS changes the password, the secret may be ahead."""
AS_ROOT = ("setpriv", "--no-new-privs", "--pdeathsig=TERM", "--inh-caps=-all", "--bounding-set=-all", "--")
"""Runs a program as root without any of root's rights; nobody else can read its variables."""
MISSING = (
    "launchpad:database is rds, and nobody has told this machine where that is; it is for launchpad:machine ec2: "
    "launchpad up"
)


class Rds:
    """The server, for one app."""

    admin = MASTER

    def __init__(self, app: App, place: Place) -> None:
        self.app = app
        self.place = place
        self._password = ""

    def client(self, name: str, *words: str, user: str, database: str) -> list[str]:
        """The command: as the app's user, or as root for the master."""
        return [
            *(AS_ROOT if user == self.admin else sql.as_user(user)),
            str(_programs() / name),
            f"--host={self.place.host}",
            f"--port={self.place.port}",
            f"--username={user}",
            f"--dbname={database}",
            *words,
        ]

    def env(self, user: str) -> Mapping[str, str]:
        """How the server is told from others, and the password or the file with it."""
        # libpq looks for certificates of ours in HOME, and fails where it may not: root's is closed to the app.
        tls = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": database.CA, "PGCONNECT_TIMEOUT": "15", "HOME": "/"}
        if user != self.admin:
            return {**tls, "PGPASSFILE": database.password_file(self.app.name)}
        if not self._password:
            from infra.agent.services import aws_secret  # noqa: PLC0415 - late: few commands need it

            self._password = aws_secret.password(self.place)
        return {**tls, "PGPASSWORD": self._password}

    def forget(self) -> None:
        """Read the master's password anew the next time."""
        self._password = ""

    def takes_app(self) -> bool:
        """Whether the app can connect to its database."""
        return sql.answers(self.app.user, self.app.name, server=self)


def of(app: App) -> Rds | None:
    """The server that has a database of the app; None if there is none."""
    noted = files.read_json(_note(app))
    try:
        return Rds(app, codec.load(Place, noted)) if noted else None
    except codec.MessageError:
        return None


def apps() -> list[App]:
    """The apps that have a database on RDS."""
    return [App(path.parent.name) for path in sorted(SETTINGS.glob(f"*/{NOTE}"))]


def prepare(app: App, wanted: Database) -> bool:
    """Have the app's role and database there, and its password here; says whether anything changed.

    Args:
        app: The app, whose user is there.
        wanted: Its database.

    Raises:
        Failure: It cannot be, and why. What is in the database is as before.
    """
    if not wanted.server.host:
        raise Failure(MISSING)
    server = Rds(app, wanted.server)
    changed = rds_trust.ensure()
    changed |= rds_password.prepare(app)
    changed |= files.write_json(_note(app), codec.dump(wanted.server))
    if _set_up(server):
        postgres_databases.tidy(app, server)
        changed = True
    _check_version(server)
    changed |= postgres_roles.extend(app, wanted.extensions, server=server)
    return changed


def leave(app: App, wanted: Database) -> bool:
    """Forget the database on RDS of an app that wants none there, if the stack has no RDS any more.

    Args:
        app: The app.
        wanted: What it wants.
    """
    if wanted.server.host or not _note(app).exists():
        return False
    files.remove_tree(_note(app))
    return True


def ready(server: Rds) -> None:
    """Have the app's own connection work.

    Raises:
        Failure: It does not, and why.
    """
    if server.takes_app():
        return
    # AWS may have gone over to another authority, or somebody has changed the password.
    rds_trust.fetch()
    _set_up(server)


def check_room(server: Rds, more: int) -> None:
    """Refuse what would fill the server's disk, with which all of its databases stop.

    Args:
        server: The server.
        more: The bytes that are to come.

    Raises:
        Failure: There is no room for them.
    """
    text = "SELECT coalesce(sum(pg_database_size(oid)), 0) FROM pg_database WHERE pg_has_role(datdba, 'USAGE');"
    taken = int(sql.run("Looking at the size of all databases", text, server=server)[0][0])
    room = int(server.place.storage * 2**30 * FULL)
    if server.place.storage and taken + more > room:
        raise Failure(
            f"A load needs the room of a second database, {more // 10**6} MB, and the {server.place.storage} GB of RDS "
            f"hold {taken // 10**6} MB already. Nothing was changed. Raise launchpad:ec2.rds_storage, then launchpad up"
        )


def remove(app: App) -> list[str]:
    """Remove an app's database and its role; what could not be removed, with the reason."""
    server = of(app)
    if server is None:
        return []
    try:
        _log_in(server)
        postgres_roles.remove(app, server=server)
    except Failure as failure:
        return [f"the database {app.name} on {server.place.host}: {failure}"]
    files.remove_tree(_note(app))
    return []


def end() -> None:
    """Remove what the databases of all apps shared on this machine."""
    files.remove_tree(rds_trust.FILE)


def _note(app: App) -> Path:
    return SETTINGS / app.name / NOTE


def _programs() -> Path:
    """The folder with the newest of PostgreSQL's programs."""
    there = [path.parents[1].name for path in postgres_package.PROGRAMS.glob("*/bin/psql")]
    if not there:
        raise Failure(f"PostgreSQL's programs are not in {postgres_package.PROGRAMS}: launchpad up")
    return postgres_package.programs(max(int(name) for name in there if name.isdigit()))


def _set_up(server: Rds) -> bool:
    """Have role, database and password as they should be; says whether anything changed. Rows are never touched."""
    app, own = server.app, server.takes_app()
    if own:
        (most,), *facts = sql.run(
            "Looking at the database",
            "SELECT current_setting('max_connections');\n" + postgres_roles.facts_of(app),
            user=app.user,
            database=app.name,
            server=server,
        )
        if facts == postgres_roles.wanted(app, _of_one_app(int(most))):
            return False
    say.step("database", f"setting up the database {app.name} on {server.place.host}")
    _log_in(server)
    most = sql.run("Looking at the server", "SHOW max_connections;", server=server)[0][0]
    password = "" if own else rds_password.new()
    sql.run(f"Setting up the database {app.name}", _statements(server, _of_one_app(int(most)), password), server=server)
    if password:
        rds_password.keep(app, password, server.place)
    sql.run(
        f"Connecting to the database {app.name} as its app",
        "SELECT 1;",
        user=app.user,
        database=app.name,
        server=server,
    )
    return True


def _statements(server: Rds, connections: int, password: str) -> str:
    """What the master has to say for the app's role and database."""
    user = server.app.user
    role = sql.name(user)
    rows = sql.run("Looking at the databases", postgres_roles.facts_of(server.app), server=server)
    has_role = any(len(row) == 1 and len(row[0].split()) == 7 for row in rows)
    has_database = any(len(row) == 3 for row in rows)
    hashed = f" PASSWORD {sql.text(rds_password.verifier(password))}" if password else ""
    lines = [f"CREATE ROLE {role};"] if not has_role else []
    lines += [
        # The master is no superuser: it gives a database away only to a role that it is a member of.
        f"ALTER ROLE {role} LOGIN NOCREATEDB NOCREATEROLE CONNECTION LIMIT {connections}{hashed};",
        f"GRANT {role} TO CURRENT_USER;",
    ]
    if not has_database:
        lines.append(f"CREATE DATABASE {role} OWNER {role} TEMPLATE template0 ALLOW_CONNECTIONS false;")
    groups = postgres_roles.groups(server.app, server=server)
    return "\n".join(
        [
            *lines,
            f"ALTER DATABASE {role} OWNER TO {role};",
            f"REVOKE ALL ON DATABASE {role} FROM PUBLIC;",
            f"ALTER DATABASE {role} ALLOW_CONNECTIONS true;",
            *(f"REVOKE {sql.name(group)} FROM {role};" for group in groups),
        ]
    )


def _log_in(server: Rds) -> None:
    """Have a password of the master that the server takes.

    Raises:
        Failure: It takes none.
    """
    for number in range(TRIES):
        done = sql.psql("SELECT 1;", server=server)
        if done.ok:
            return
        server.forget()
        if number < TRIES - 1:
            time.sleep(PAUSE)
    raise Failure(f"{server.place.host} does not take its master user {MASTER}: {done.last_lines(2)}")


def _check_version(server: Rds) -> None:
    """Refuse a server that is newer than this machine's pg_dump, which could not dump from it.

    Raises:
        Failure: It is.
    """
    text = "SELECT current_setting('server_version_num')::int / 10000;"
    found = sql.run("Looking at the server", text, user=server.app.user, database=server.app.name, server=server)
    here = int(_programs().parent.name)
    if int(found[0][0]) > here:
        raise Failure(
            f"RDS has PostgreSQL {found[0][0]}, and this machine's Debian has the programs of {here}, which cannot "
            "dump from it. Take a machine with a newer Debian: launchpad:ec2.ami"
        )


def _of_one_app(connections: int) -> int:
    """How many of the server's connections one app may have, so that none takes them all."""
    return connections - connections // 5
