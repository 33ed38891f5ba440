"""The database of an app on its machine: what is wanted, and how the app reaches it. No password is in any of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from infra.protocol import values
from infra.protocol.codec import Message, value

POSTGRES = "postgres"
SOCKET = "/run/launchpad-postgresql"
"""The folder of the socket. One of Launchpad's own: another PostgreSQL on the machine has Debian's."""
VARIABLES = ("DATABASE_URL", "PGHOST", "PGDATABASE", "PGUSER")
"""The variables that an app with a database is given."""
UNUSABLE = frozenset({"none", "public", "template0", "template1"})
"""Names that PostgreSQL has for something else, so that no role and database can have them."""

engine = values.pattern(POSTGRES, f"{POSTGRES}, or empty", empty=True)
"""Which database."""

extensions = values.words(r"[a-z][a-z0-9_-]{0,62}", 'a list of extensions of PostgreSQL, such as ["pg_trgm", "citext"]')
"""Names of PostgreSQL's extensions; whether the machine has them is seen when it is prepared."""


@dataclass(frozen=True)
class Database(Message):
    """The database that an app wants on its machine.

    Attributes:
        engine: ``postgres``, or empty: none.
        extensions: The extensions that are created in it.
    """

    engine: str = value(engine, "")
    extensions: tuple[str, ...] = value(extensions, ())


def url(app: str) -> str:
    """The URL of an app's database, in the form that most libraries read.

    The user is in it, for some do not ask the system for it; the folder of the socket is a parameter, as libpq,
    SQLAlchemy, asyncpg and dj-database-url all take it. Source: PostgreSQL's manual, 32.1.1.2 "Connection URIs".
    """
    return f"postgresql://{app}@/{app}?host={SOCKET}"


def variables(app: str) -> dict[str, str]:
    """The variables by which an app finds its database; libpq reads those that begin with PG by itself."""
    return {"DATABASE_URL": url(app), "PGHOST": SOCKET, "PGDATABASE": app, "PGUSER": app}


CONTRADICTION = "is set, but database is postgres, which sets it itself; remove one of them"


def contradictions(wanted: Database, variables: Iterable[str]) -> list[str]:
    """The variables of the database that somebody sets besides.

    Args:
        wanted: The database.
        variables: The names of the app's own variables.
    """
    return sorted({*VARIABLES} & {*variables}) if wanted.engine else []


def unusable(app: str) -> str:
    """Why an app of this name cannot have a database; empty if it can."""
    if app in UNUSABLE:
        return f"is {app}, which PostgreSQL has for something else; choose another name for an app with a database"
    return ""
