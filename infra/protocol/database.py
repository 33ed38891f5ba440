"""The database of an app: what is wanted, and how the app reaches it. No password is in any of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from infra.protocol import paths, values
from infra.protocol.codec import Message, value

POSTGRES, RDS = "postgres", "rds"
SOCKET = "/run/launchpad-postgresql"
"""The folder of the socket. One of Launchpad's own: another PostgreSQL on the machine has Debian's."""
COMMON = ("DATABASE_URL", "PGHOST", "PGDATABASE", "PGUSER")
OF_NETWORK = ("PGPORT", "PGSSLMODE", "PGSSLROOTCERT", "PGPASSFILE")
"""How libpq and asyncpg reach a server over the network: by TLS alone, with a password that is in a file."""
VARIABLES: dict[str, tuple[str, ...]] = {"": (), POSTGRES: COMMON, RDS: (*COMMON, *OF_NETWORK)}
"""The variables that an app is given, by the kind of database."""
CA = f"{paths.SETTINGS}/rds-ca.pem"
"""The certificates of the authorities that sign those of RDS; everybody's to read."""
UNUSABLE = frozenset({"none", "public", "template0", "template1"})
"""Names that PostgreSQL has for something else, so that no role and database can have them."""
TAKEN_BY_RDS = frozenset({"rdsadmin", "rdsrepladmin", "rdstopmgr"})
"""The same on RDS."""

engine = values.pattern(f"{POSTGRES}|{RDS}", f"{POSTGRES}, {RDS}, or empty", empty=True)
"""Which database."""

extensions = values.words(r"[a-z][a-z0-9_-]{0,62}", 'a list of extensions of PostgreSQL, such as ["pg_trgm", "citext"]')
"""Names of PostgreSQL's extensions; whether the machine has them is seen when it is prepared."""


@dataclass(frozen=True)
class Server(Message):
    """A database server of the stack that is not on the machine.

    Attributes:
        host: Its name; empty: there is none, or it is not known yet.
        port: Its port.
        region: The AWS region.
        secret: The ARN of the secret with the password of its master user.
        storage: Its disk in GB.
    """

    host: str = value(values.pattern(r"[A-Za-z0-9.-]{1,253}", "a host name", empty=True), "")
    port: int = value(values.whole(1, 65535), 5432)
    region: str = value(values.pattern(r"[a-z0-9-]{1,40}", "an AWS region", empty=True), "")
    secret: str = value(values.pattern(r"arn:[A-Za-z0-9:/_+=.@!-]{1,2048}", "the ARN of a secret", empty=True), "")
    storage: int = value(values.whole(0, 2**20), 0)


@dataclass(frozen=True)
class Database(Message):
    """The database that an app wants.

    Attributes:
        engine: ``postgres``: on its machine; ``rds``: on the stack's RDS; or empty: none.
        extensions: The extensions that are created in it.
        server: The stack's RDS, if it has one, whatever this app wants.
    """

    engine: str = value(engine, "")
    extensions: tuple[str, ...] = value(extensions, ())
    server: Server = value(Server, Server())


def url(app: str) -> str:
    """The URL of an app's database on its machine, in the form that most libraries read.

    The user is in it, for some do not ask the system for it; the folder of the socket is a parameter, as libpq,
    SQLAlchemy, asyncpg and dj-database-url all take it. Source: PostgreSQL's manual, 32.1.1.2 "Connection URIs".
    """
    return f"postgresql://{app}@/{app}?host={SOCKET}"


def network_url(app: str, server: Server) -> str:
    """The URL of an app's database on a server.

    How TLS is checked and where the password is stand in the other variables: SQLAlchemy hands parameters of the URL on
    to asyncpg as they are, which does not know them.
    """
    return f"postgresql://{app}@{server.host}:{server.port}/{app}"


def planned_url(app: str, wanted: Database) -> str:
    """The URL in a build plan, which may be made before there is a server: its address is in variables then."""
    return f"postgresql://{app}@$PGHOST:$PGPORT/{app}" if wanted.engine == RDS else url(app)


def password_file(app: str) -> str:
    """The file with the password of an app's role on a server, in the form of libpq's password file; the app's own."""
    return f"{paths.SETTINGS}/{app}/database/password"


def network_variables(app: str, server: Server) -> dict[str, str]:
    """The variables by which the tools of libpq reach an app's database on a server, and only that server."""
    return {
        "PGHOST": server.host,
        "PGDATABASE": app,
        "PGUSER": app,
        "PGPORT": str(server.port),
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": CA,
        "PGPASSFILE": password_file(app),
    }


def variables(app: str, wanted: Database) -> dict[str, str]:
    """The variables by which an app finds its database; libpq reads those that begin with PG by itself."""
    if wanted.engine == RDS:
        return {"DATABASE_URL": network_url(app, wanted.server), **network_variables(app, wanted.server)}
    return {"DATABASE_URL": url(app), "PGHOST": SOCKET, "PGDATABASE": app, "PGUSER": app}


def contradiction(wanted: Database) -> str:
    """What is said of a variable that is set besides."""
    return f"is set, but database is {wanted.engine}, which sets it itself; remove one of them"


def contradictions(wanted: Database, variables: Iterable[str]) -> list[str]:
    """The variables of the database that somebody sets besides.

    Args:
        wanted: The database.
        variables: The names of the app's own variables.
    """
    return sorted({*VARIABLES.get(wanted.engine, ())} & {*variables})


def unusable(app: str, wanted: Database) -> str:
    """Why an app of this name cannot have a database; empty if it can."""
    if app in UNUSABLE or (wanted.engine == RDS and app in TAKEN_BY_RDS):
        return f"is {app}, which PostgreSQL has for something else; choose another name for an app with a database"
    return ""
