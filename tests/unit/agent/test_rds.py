"""An app's database on RDS: commands, variables, statements and files by exact text, and which server is asked."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path

import pytest

from infra.agent.process import environments
from infra.agent.process.environments import Tree
from infra.agent.services import (
    ask_postgresql,
    aws_secret,
    postgres,
    postgres_package,
    rds,
    rds_password,
    rds_trust,
    sql,
)
from infra.agent.services.rds import Rds
from infra.agent.system import files
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.app_model import plan
from infra.app_model.files import MemoryFiles
from infra.protocol import codec, database
from infra.protocol.database import Database, Server
from infra.protocol.specs import DeploySpec, Source

SHOP = App("shop")
PLACE = Server("db.example.org", 5433, "eu-central-1", "arn:aws:secretsmanager:eu-central-1:1:secret:rds!db-1", 20)
WANTED = Database("rds", server=PLACE)


def test_an_app_finds_its_database_by_variables_without_a_password() -> None:
    assert database.variables("shop", WANTED) == {
        "DATABASE_URL": "postgresql://shop@db.example.org:5433/shop",
        "PGHOST": "db.example.org",
        "PGDATABASE": "shop",
        "PGUSER": "shop",
        "PGPORT": "5433",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/etc/launchpad/rds-ca.pem",
        "PGPASSFILE": "/etc/launchpad/shop/database/password",
    }
    assert set(database.VARIABLES["rds"]) == set(database.variables("shop", WANTED))


def test_the_url_names_the_driver_that_the_plan_chose_before_there_was_a_server() -> None:
    code = (
        "import os\nfrom flask import Flask\nfrom sqlalchemy import create_engine\napp = Flask(__name__)\n"
        "engine = create_engine(os.environ['DATABASE_URL'])\n"
    )
    spec = DeploySpec("shop", Source("pushed"), database=Database("rds"))
    made = plan.plan(MemoryFiles({"app.py": code, "requirements.txt": "flask\nsqlalchemy\nasyncpg\n"}), spec)
    (shown,) = [each for each in made.decisions if each.subject == "database"]
    assert shown.value == "DATABASE_URL=postgresql+asyncpg://shop@$PGHOST:$PGPORT/shop"
    tree = Tree("r", "v", SHOP.releases / "r", SHOP.virtualenvs / "v")
    spec = DeploySpec("shop", Source("pushed"), database=WANTED)
    given = environments.release(SHOP, spec, tree, made.environment)
    assert given["DATABASE_URL"] == "postgresql+asyncpg://shop@db.example.org:5433/shop"
    assert given["PGSSLMODE"] == "verify-full"


def test_variables_of_the_apps_own_get_the_servers_address_when_that_is_known() -> None:
    code = (
        "import os\nimport psycopg\nfrom flask import Flask\napp = Flask(__name__)\n"
        "psycopg.connect(host=os.environ['DB_HOST'], port=os.environ['DB_PORT'], dbname=os.environ['DB_NAME'])\n"
    )
    spec = DeploySpec("shop", Source("pushed"), database=Database("rds"))
    made = plan.plan(MemoryFiles({"app.py": code, "requirements.txt": "flask\npsycopg\n"}), spec)
    shown = [each.value for each in made.decisions if each.subject == "database"]
    assert shown[1] == "DB_HOST=$PGHOST DB_PORT=$PGPORT DB_NAME=shop"
    tree = Tree("r", "v", SHOP.releases / "r", SHOP.virtualenvs / "v")
    spec = DeploySpec("shop", Source("pushed"), database=WANTED)
    given = environments.release(SHOP, spec, tree, made.environment)
    assert [given[name] for name in ("DB_HOST", "DB_PORT", "DB_NAME")] == ["db.example.org", "5433", "shop"]


def test_an_address_in_the_code_that_cannot_be_that_of_rds_is_noted() -> None:
    code = (
        "import psycopg\nfrom flask import Flask\napp = Flask(__name__)\n"
        "psycopg.connect(host='localhost', port=5432, dbname='shop')\n"
    )
    spec = DeploySpec("shop", Source("pushed"), database=Database("rds"))
    made = plan.plan(MemoryFiles({"app.py": code, "requirements.txt": "flask\npsycopg\n"}), spec)
    assert [note for note in made.notes if "launchpad:database" in note] == [
        "app.py line 4 has 'localhost', '5432', which is not where launchpad:database is: take these from the variables "
        "PGDATABASE, PGUSER, PGHOST and PGPORT"
    ]


@pytest.mark.parametrize("name", ["rdsadmin", "public"])
def test_names_that_rds_has_itself_are_refused(name: str) -> None:
    assert database.unusable(name, WANTED)
    assert bool(database.unusable(name, Database("postgres"))) == (name == "public")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for version in ("15", "17"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin/psql").touch()
    monkeypatch.setattr(postgres_package, "PROGRAMS", tmp_path)
    return tmp_path


def test_the_app_runs_its_own_commands_and_reads_the_password_from_its_file(programs: Path) -> None:
    server = Rds(SHOP, PLACE)
    assert server.client("pg_dump", "--format=custom", user="shop", database="shop") == [
        *sql.as_user("shop"),
        str(programs / "17/bin/pg_dump"),
        *("--host=db.example.org", "--port=5433", "--username=shop", "--dbname=shop", "--format=custom"),
    ]
    assert server.env("shop") == {
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/etc/launchpad/rds-ca.pem",
        "PGCONNECT_TIMEOUT": "15",
        "HOME": "/",
        "PGPASSFILE": "/etc/launchpad/shop/database/password",
    }


def test_the_masters_password_is_read_once_kept_nowhere_and_in_no_command(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Server] = []

    def password(place: Server) -> str:
        read.append(place)
        return f"canary {len(read)}"

    monkeypatch.setattr(aws_secret, "password", password)
    server = Rds(SHOP, PLACE)
    words = server.client("psql", user=server.admin, database="postgres")
    assert words[: len(rds.AS_ROOT) + 1] == [*rds.AS_ROOT, str(programs / "17/bin/psql")]
    assert "--username=launchpad" in words
    assert read == []
    assert [server.env(server.admin)["PGPASSWORD"] for _ in range(2)] == ["canary 1", "canary 1"]
    assert "PGPASSFILE" not in server.env(server.admin)
    server.forget()
    assert server.env(server.admin)["PGPASSWORD"] == "canary 2"


def test_without_programs_the_way_out_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_package, "PROGRAMS", tmp_path)
    with pytest.raises(Failure, match=r"PostgreSQL's programs are not in .*: launchpad up"):
        Rds(SHOP, PLACE).client("psql", user="shop", database="shop")


def test_the_server_knows_a_password_by_what_proves_it_and_not_by_itself() -> None:
    salt = bytes(range(16))
    found = rds_password.verifier("canary", salt)
    kind, rounds, keys = found.split("$")
    assert (kind, rounds) == ("SCRAM-SHA-256", f"4096:{base64.b64encode(salt).decode()}")
    stored, _ = (base64.b64decode(each) for each in keys.split(":"))
    # The proof that a client sends shows the key whose hash is stored. Source: RFC 5802, section 3.
    scram = ask_postgresql.Scram("canary", "client")
    challenge = f"r=clientserver,s={base64.b64encode(salt).decode()},i=4096".encode()
    final = scram.final(challenge)
    bare, _, proof = final.partition(b",p=")
    signature = hmac.digest(stored, b",".join([scram.first()[3:], challenge, bare]), "sha256")
    key = bytes(one ^ other for one, other in zip(base64.b64decode(proof), signature, strict=True))
    assert hashlib.sha256(key).digest() == stored
    assert rds_password.verifier("canary") != rds_password.verifier("canary")


def test_a_password_goes_to_its_own_server_only_and_has_nothing_to_escape() -> None:
    assert rds_password.line("shop", "secret", PLACE) == "db.example.org:5433:*:shop:secret\n"
    made = rds_password.new()
    assert len(made) >= 43
    assert not {":", "\\", "\n"} & set(made)


def statements(monkeypatch: pytest.MonkeyPatch, facts: list[list[str]], password: str) -> list[str]:
    rows = iter([facts, [["pg_read_all_data"]] if facts else []])
    monkeypatch.setattr(sql, "run", lambda *_words, **_options: next(rows))
    monkeypatch.setattr(rds_password, "verifier", lambda given: f"hash of {given}")
    return rds._statements(Rds(SHOP, PLACE), 80, password).splitlines()


def test_the_master_makes_a_role_and_a_database_that_nobody_else_can_use(monkeypatch: pytest.MonkeyPatch) -> None:
    assert statements(monkeypatch, [], "secret") == [
        'CREATE ROLE "shop";',
        "ALTER ROLE \"shop\" LOGIN NOCREATEDB NOCREATEROLE CONNECTION LIMIT 80 PASSWORD 'hash of secret';",
        'GRANT "shop" TO CURRENT_USER;',
        'CREATE DATABASE "shop" OWNER "shop" TEMPLATE template0 ALLOW_CONNECTIONS false;',
        'ALTER DATABASE "shop" OWNER TO "shop";',
        'REVOKE ALL ON DATABASE "shop" FROM PUBLIC;',
        'ALTER DATABASE "shop" ALLOW_CONNECTIONS true;',
    ]


def test_what_is_there_is_mended_and_a_password_that_works_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = [["t f t f f f 80"], ["shop", "t", "t"], ["1"]]
    assert statements(monkeypatch, facts, "") == [
        'ALTER ROLE "shop" LOGIN NOCREATEDB NOCREATEROLE CONNECTION LIMIT 80;',
        'GRANT "shop" TO CURRENT_USER;',
        'ALTER DATABASE "shop" OWNER TO "shop";',
        'REVOKE ALL ON DATABASE "shop" FROM PUBLIC;',
        'ALTER DATABASE "shop" ALLOW_CONNECTIONS true;',
        'REVOKE "pg_read_all_data" FROM "shop";',
    ]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the app's settings, in which nothing is noted; no database is on this machine."""
    monkeypatch.setattr(rds, "SETTINGS", tmp_path)
    monkeypatch.setattr(App, "preparation", property(lambda app: tmp_path / app.name / "prepare.json"))
    monkeypatch.setattr(files, "write_json", lambda path, value: path.write_text(json.dumps(value)) > 0)
    monkeypatch.setattr(files, "remove_tree", lambda path: path.unlink())
    monkeypatch.setattr(postgres, "noted", set)
    (tmp_path / "shop").mkdir()
    return tmp_path


def test_the_database_that_is_asked_is_the_one_that_the_app_was_prepared_for(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (rds.of(SHOP), postgres.server(SHOP), postgres.has_database(SHOP)) == (None, sql.LOCAL, False)
    (settings / "shop/rds.json").write_text(json.dumps(codec.dump(PLACE)))
    assert [app.name for app in rds.apps()] == ["shop"]
    assert postgres.has_database(SHOP)
    found = postgres.server(SHOP)
    assert isinstance(found, Rds)
    assert found.place == PLACE
    monkeypatch.setattr(postgres, "noted", lambda: {"shop"})
    for engine, local in (("rds", False), ("postgres", True), ("", True)):
        (settings / "shop/prepare.json").write_text(json.dumps({"database": {"engine": engine}}))
        assert (postgres.server(SHOP) is sql.LOCAL) == local


def test_a_database_on_rds_is_forgotten_only_when_the_stack_has_no_rds(settings: Path) -> None:
    note = settings / "shop/rds.json"
    note.write_text(json.dumps(codec.dump(PLACE)))
    assert rds.leave(SHOP, Database("", server=PLACE)) is False
    assert note.exists()
    assert rds.leave(SHOP, Database("")) is True
    assert not note.exists()
    assert rds.leave(SHOP, Database("")) is False


def test_a_machine_that_was_told_of_no_server_says_so() -> None:
    with pytest.raises(Failure, match="launchpad:database is rds, and nobody has told this machine where that is"):
        rds.prepare(SHOP, Database("rds"))


def test_packages_are_those_of_the_kind_of_database() -> None:
    assert postgres.packages(WANTED) == ("postgresql-client",)
    assert postgres.packages(Database("postgres")) == ("postgresql",)
    assert postgres.packages(Database("")) == ()


def test_the_state_says_where_the_database_is() -> None:
    state = postgres.State(server="db.example.org", version=17, size=8_000_000, connections=2, most_connections=80)
    assert postgres.describe(state) == "PostgreSQL 17 on db.example.org, 8.0 MB, 2 of 80 connections"
    silent = postgres.State(server="db.example.org", version=None, size=None, connections=None, most_connections=None)
    assert postgres.describe(silent) == "PostgreSQL on db.example.org, which does not answer"


@pytest.mark.parametrize(("more", "room"), [(2 * 2**30, True), (4 * 2**30, False)])
def test_a_load_for_which_rds_has_no_room_is_refused(monkeypatch: pytest.MonkeyPatch, more: int, room: bool) -> None:
    monkeypatch.setattr(sql, "run", lambda *_words, **_options: [[str(15 * 2**30)]])
    server = Rds(SHOP, PLACE)
    if room:
        rds.check_room(server, more)
        return
    with pytest.raises(Failure, match=r"the 20 GB of RDS hold 16106 MB already.*Raise launchpad:ec2.rds_storage"):
        rds.check_room(server, more)


def test_what_is_no_certificate_is_trusted_by_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page"
    page.write_text("<html>Log in to this network</html>")
    monkeypatch.setattr(rds_trust, "BUNDLE", page.as_uri())
    monkeypatch.setattr(rds_trust, "FILE", tmp_path / "ca.pem")
    with pytest.raises(Failure, match="are no certificates, so the database cannot be told from others"):
        rds_trust.ensure()
    assert not (tmp_path / "ca.pem").exists()
    monkeypatch.setattr(rds_trust, "BUNDLE", (tmp_path / "none").as_uri())
    with pytest.raises(Failure, match="The certificates of RDS cannot be fetched from file:"):
        rds_trust.ensure()
