"""Asks PostgreSQL by its own program, as a user of the system: by that the server knows who it is."""

from __future__ import annotations

from collections.abc import Mapping

from infra.agent.services import postgres_place
from infra.agent.services.postgres_files import USER
from infra.agent.system import sh
from infra.agent.system.failure import Failure
from infra.protocol.database import SOCKET

OWN = "postgres"
"""The database that is nobody's, in which the server's user works."""
ENV = {"LC_ALL": "C.UTF-8", "PGOPTIONS": "-c search_path=pg_catalog -c client_min_messages=error"}
"""``search_path``: an app may put functions of its own into its database, which must not be taken for PostgreSQL's."""
BETWEEN = "\x1f"
"""Between two columns."""


def as_user(user: str) -> list[str]:
    """The beginning of a command that runs as a user, in its own group alone and without any of root's rights."""
    return [
        *("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs"),
        "--pdeathsig=TERM",
        *("--inh-caps=-all", "--bounding-set=-all", "--"),
    ]


def client(name: str, *words: str, user: str, database: str) -> list[str]:
    """The command of one of PostgreSQL's programs, of the server's version, as a user.

    Args:
        name: The program, such as pg_dump.
        words: Its arguments.
        user: Who runs it, which is its role, too.
        database: The database.

    Raises:
        Failure: There is no server on this machine.
    """
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


def psql(text: str, *, user: str = USER, database: str = OWN, env: Mapping[str, str] = ENV) -> sh.Finished:
    """Run statements; the first mistake ends it.

    Args:
        text: The statements.
        user: Who runs them.
        database: In which database.
        env: The variables of psql.
    """
    options = ("--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--no-password", "--set=ON_ERROR_STOP=1")
    words = client("psql", *options, f"--field-separator={BETWEEN}", "--file=-", user=user, database=database)
    return sh.run(words, feed=text, env=env)


def run(doing: str, text: str, *, user: str = USER, database: str = OWN) -> list[list[str]]:
    """Run statements that have to succeed; gives the rows that they print.

    Raises:
        Failure: They do not, with what PostgreSQL says.
    """
    done = psql(text, user=user, database=database)
    if not done.ok:
        raise Failure(f"{doing} failed: {done.last_lines(4)}")
    return [line.split(BETWEEN) for line in done.out.splitlines() if line]


def answers(user: str = USER, database: str = OWN) -> bool:
    """Whether the server takes a user's connection to a database."""
    return psql("SELECT 1;", user=user, database=database).ok


def shown(setting: str) -> str:
    """The value of a setting of the server; empty if it does not answer."""
    done = psql(f"SHOW {setting};")
    return done.out.strip() if done.ok else ""


def name(value: str) -> str:
    """A name as SQL has it: in quotes."""
    return '"' + value.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text as SQL has it."""
    return "'" + value.replace("'", "''") + "'"
