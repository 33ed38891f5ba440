"""Asks PostgreSQL by its own program, as a user of the system: by that the server knows who it is.

An app may send signals to what runs as its user, a SIGSTOP too, and lock what is its own in the database, so that
nothing here waits for ever. It gets no further: the group is another, and then the kernel lets it neither trace such a
process nor read its memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from infra.agent.services import postgres_place
from infra.agent.services.postgres_files import USER
from infra.agent.system import sh
from infra.agent.system.failure import Failure
from infra.protocol.database import SOCKET

OWN = "postgres"
"""The database that is nobody's, in which the server's user works."""
LIMIT = 60.0
"""Seconds that statements may take."""
LONG = 900.0
"""Seconds for those that make, rename or remove a database, or create an extension."""
LONGEST = 12 * 3600.0
"""Seconds for what has to go through all rows."""
OPTIONS = {
    # An app may put functions of its own into its database, which must not be taken for PostgreSQL's.
    "search_path": "pg_catalog",
    "client_min_messages": "error",
    "lock_timeout": "30s",
    # What an app has set for its role or its database (ALTER ROLE, ALTER DATABASE) would count for us there, too.
    "statement_timeout": "0",
    "standard_conforming_strings": "on",
    "default_transaction_isolation": r"read\ committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
}
ENV = {"LC_ALL": "C.UTF-8", "PGOPTIONS": " ".join(f"-c {name}={value}" for name, value in OPTIONS.items())}
NOBODY = "nogroup"
"""A group that no app is of and no file belongs to."""
TIMED_OUT = 124
"""The exit status of what did not end in time, as timeout(1) has it."""
BETWEEN = "\x1f"
"""Between two columns."""


def as_user(user: str) -> list[str]:
    """The beginning of a command that runs as a user, without its groups and without any of root's rights.

    A process that an app shares the user with and not the group cannot be traced by it. Source: ptrace(2), "Ptrace
    access mode checking".
    """
    group = user if user == USER else NOBODY
    return [
        *("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs"),
        "--pdeathsig=TERM",
        *("--inh-caps=-all", "--bounding-set=-all", "--"),
    ]


class Server(Protocol):
    """A PostgreSQL server, and how it is asked: as a role that an app has, or as the one that rules it."""

    @property
    def admin(self) -> str:
        """The role that rules it."""
        ...

    def client(self, name: str, *words: str, user: str, database: str) -> list[str]:
        """The command of one of PostgreSQL's programs.

        Args:
            name: The program, such as pg_dump.
            words: Its arguments.
            user: Which role it has; of an app's it runs as that user, too.
            database: The database.

        Raises:
            Failure: There is no server.
        """
        ...

    def env(self, user: str) -> Mapping[str, str]:
        """The variables that this command needs besides."""
        ...


class Local:
    """The server on this machine, which the kernel tells who asks."""

    admin = USER

    def client(self, name: str, *words: str, user: str, database: str) -> list[str]:
        """The command, of the server's version, as the user whose name the role has."""
        cluster = postgres_place.here()
        if cluster is None:
            raise Failure("There is no database on this machine: set launchpad:database to postgres, then launchpad up")
        return [
            *as_user(user),
            str(cluster.programs / name),
            f"--host={SOCKET}",
            f"--username={user}",
            f"--dbname={database}",
            *words,
        ]

    def env(self, user: str) -> Mapping[str, str]:  # noqa: ARG002 - on another server it counts
        """None: who runs it says all."""
        return {}


LOCAL = Local()


def psql(
    text: str, *, user: str = "", database: str = OWN, server: Server = LOCAL, limit: float = LIMIT
) -> sh.Finished:
    """Run statements; the first mistake ends it, and so does the end of the time.

    Args:
        text: The statements.
        user: Who runs them; by default the role that rules the server.
        database: In which database.
        server: On which server.
        limit: Seconds that they may take.
    """
    user = user or server.admin
    options = ("--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--no-password", "--set=ON_ERROR_STOP=1")
    words = server.client("psql", *options, f"--field-separator={BETWEEN}", "--file=-", user=user, database=database)
    try:
        return sh.run(words, feed=text, env={**ENV, **server.env(user)}, timeout=limit, name="psql")
    except Failure as failure:
        return sh.Finished(TIMED_OUT, "", str(failure))


def run(
    doing: str, text: str, *, user: str = "", database: str = OWN, server: Server = LOCAL, limit: float = LIMIT
) -> list[list[str]]:
    """Run statements that have to succeed; gives the rows that they print. Arguments as in ``psql``.

    Raises:
        Failure: They do not, with what PostgreSQL says.
    """
    done = psql(text, user=user, database=database, server=server, limit=limit)
    if not done.ok:
        raise Failure(f"{doing} failed: {done.last_lines(4)}")
    return [line.split(BETWEEN) for line in done.out.splitlines() if line]


def answers(user: str = "", database: str = OWN, server: Server = LOCAL) -> bool:
    """Whether the server takes a user's connection to a database."""
    return psql("SELECT 1;", user=user, database=database, server=server).ok


def shown(setting: str) -> str:
    """The value of a setting of the machine's own server; empty if it does not answer."""
    done = psql(f"SHOW {setting};")
    return done.out.strip() if done.ok else ""


def name(value: str) -> str:
    """A name as SQL has it: in quotes."""
    return '"' + value.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text as SQL has it."""
    return "'" + value.replace("'", "''") + "'"
