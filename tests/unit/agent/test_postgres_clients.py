"""What asks PostgreSQL as an app's user: the app keeps nobody waiting by it, and gets no further by it."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.agent.services import (
    postgres_databases,
    postgres_dump,
    postgres_place,
    postgres_program,
    postgres_roles,
    sql,
)
from infra.agent.services.postgres_files import USER
from infra.agent.services.postgres_place import Cluster
from infra.agent.system import sh, space
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App

STOPPED = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"]
"""A program that an app has stopped for ever."""


def test_what_runs_as_an_apps_user_is_in_no_group_of_the_apps_so_that_it_cannot_be_traced() -> None:
    assert sql.as_user("shop")[:5] == ["setpriv", "--reuid=shop", "--regid=nogroup", "--clear-groups", "--no-new-privs"]
    assert sql.as_user(USER)[1:3] == ["--reuid=launchpad-postgres", "--regid=launchpad-postgres"]


def test_what_an_app_sets_for_its_database_does_not_count_for_us() -> None:
    assert sql.ENV["PGOPTIONS"] == (
        "-c search_path=pg_catalog -c client_min_messages=error -c lock_timeout=30s -c statement_timeout=0 "
        r"-c standard_conforming_strings=on -c default_transaction_isolation=read\ committed "
        "-c default_transaction_read_only=off -c default_transaction_deferrable=off"
    )


def test_a_statement_that_the_app_has_stopped_ends_as_one_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sh, "GRACE", 0.1)
    monkeypatch.setattr(sql.Local, "client", lambda *_words, **_who: STOPPED)
    done = sql.psql("SELECT 1;", user="shop", limit=0.2)
    assert (done.code, done.err) == (124, "psql: did not end within 0.2 s")
    with pytest.raises(Failure, match="Looking failed: psql: did not end within"):
        sql.run("Looking", "SELECT 1;", limit=0.2)


def test_a_dump_that_the_app_has_stopped_ends() -> None:
    with postgres_program.running(STOPPED, limit=0.2) as program:
        assert program.out.read() == b""
    assert (program.code, program.last_lines(3)) == (-9, "it did not end in time")


def test_what_a_dump_has_printed_without_end_is_not_kept() -> None:
    endless = "import os\nfor number in range(200_000): os.write(2, b'notice %d\\n' % number)\nprint('list')"
    with postgres_program.running([sys.executable, "-c", endless]) as program:
        assert program.text() == "list\n"
    assert program.last_lines(2) == "notice 199998\nnotice 199999"
    assert len(program.last_lines(1_000_000)) <= postgres_program.KEPT


def test_a_list_that_has_no_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_program, "LARGEST", 1000)
    with pytest.raises(Failure, match="more than 1000 bytes"), postgres_program.running(["yes"]) as program:
        program.text()


def test_a_program_ends_with_whoever_reads_it() -> None:
    with pytest.raises(KeyError), postgres_program.running(STOPPED) as program:
        raise KeyError
    assert program.code == -9


@pytest.mark.parametrize(
    ("major", "statements"),
    [
        (14, "ALTER SCHEMA public OWNER TO pg_database_owner; REVOKE CREATE ON SCHEMA public FROM PUBLIC;"),
        *((major, "") for major in (15, 16, 17, 18)),
    ],
)
def test_the_schema_public_is_the_apps_in_every_version(major: int, statements: str) -> None:
    assert postgres_databases.public(major) == statements


Asked = list[tuple[str, str]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Asked, list[list[str]]]]:
    """The statements that are run, with their databases; and the facts that the server tells."""
    statements, facts = Asked(), list[list[str]]()

    def run(_doing: str, text: str, *, database: str = sql.OWN, **_how: object) -> list[list[str]]:
        if text.startswith("SELECT concat_ws"):
            return facts
        if text.startswith("SELECT rolname"):
            return [["shop"], ["shop.load"]]
        if text.startswith("SELECT DISTINCT"):
            return [["blog", "f"], ["postgres", "t"]]
        if not text.startswith("SELECT"):
            statements.append((database, text))
        return []

    monkeypatch.setattr(sql, "run", run)
    monkeypatch.setattr(postgres_place, "here", lambda: Cluster(Path("/var/lib/launchpad-postgresql"), 14))
    yield statements, facts


ROLE = '"shop" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 80;'
GONE = [
    ("postgres", 'ALTER DATABASE "blog" ALLOW_CONNECTIONS true;'),
    ("blog", 'DROP OWNED BY "shop", "shop.load";'),
    ("postgres", 'DROP OWNED BY "shop", "shop.load";'),
    ("postgres", 'DROP ROLE IF EXISTS "shop", "shop.load";'),
]
"""How roles go of which one has something in the database of another app, which nobody can connect to."""
CLOSE = ("postgres", 'REVOKE ALL ON DATABASE "shop", postgres, template1 FROM PUBLIC;')


def test_a_new_database_is_closed_to_others_last_as_by_that_it_is_known_to_be_complete(
    asked: tuple[Asked, list[list[str]]],
) -> None:
    statements, facts = asked
    facts.append(["0"])
    assert postgres_roles.prepare(App("shop"), 80)
    assert statements == [
        (
            "postgres",
            f"CREATE ROLE {ROLE}\n"
            'CREATE DATABASE "shop" OWNER "shop" TEMPLATE template0 ALLOW_CONNECTIONS false;\n'
            'ALTER DATABASE "shop" OWNER TO "shop";\n'
            'ALTER DATABASE "shop" ALLOW_CONNECTIONS true;',
        ),
        ("shop", postgres_databases.public(14)),
        CLOSE,
    ]


def test_what_a_load_that_was_killed_has_left_is_removed(asked: tuple[Asked, list[list[str]]]) -> None:
    statements, facts = asked
    facts.extend([["t f f f f f 80"], ["shop", "t", "f"], ["3"]])
    assert postgres_roles.prepare(App("shop"), 80)
    assert statements[1:] == [
        CLOSE,
        ("postgres", 'DROP DATABASE IF EXISTS "shop.load" WITH (FORCE);'),
        *GONE,
        ("postgres", 'DROP DATABASE IF EXISTS "shop.old" WITH (FORCE);'),
    ]
    facts[-1] = ["0"]
    assert not postgres_roles.prepare(App("shop"), 80)


def test_a_removed_app_leaves_no_role_whatever_another_app_has_granted_it(asked: tuple[Asked, list[list[str]]]) -> None:
    statements, _ = asked
    postgres_roles.remove(App("shop"))
    assert statements == GONE


def test_a_dump_is_made_without_waiting_for_ever_for_a_table_that_the_app_has_locked() -> None:
    assert postgres_dump.FORM == ("--format=custom", "--no-password", "--lock-wait-timeout=600s")


def test_a_dump_leaves_the_apps_some_of_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryFile() as file:
        space.leave_some(file)
        monkeypatch.setattr(space, "RESERVE", 10**18)
        with pytest.raises(Failure, match="The disk is nearly full: the dump of the database would leave less than"):
            space.leave_some(file)
