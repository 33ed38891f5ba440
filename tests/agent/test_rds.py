"""``database: rds`` on a real machine, against a PostgreSQL with TLS and passwords that plays RDS (see aws.py).

The app's port is 8080, as the metadata service has port 80 of its address, which is this machine here.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.agent import aws
from tests.agent.lab import Done, Lab, Repo

PORTS = {"app": 8080, "other": 8081}
WANTED: dict[str, Any] = {"http_port": PORTS["app"], **aws.spec(extensions=["pg_trgm"])}
DEPLOYED: dict[str, Any] = aws.spec(extensions=["pg_trgm"])
PASSWORD = "/etc/launchpad/{}/database/password"


def ask(lab: Lab, path: str, data: str = "") -> Done:
    """Ask the app; fails where it does not answer well."""
    body = f"--data-binary '{data}'" if data else ""
    return lab.run(f"curl --silent --show-error --fail --max-time 30 {body} http://127.0.0.1:{PORTS['app']}{path}")


def words(lab: Lab) -> list[str]:
    done = ask(lab, "/words")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert isinstance(found, list)
    return found


def psql(lab: Lab, user: str, database: str, statement: str, more: str = "") -> Done:
    """Run a statement as an app does: with its user's rights, and by the variables that it has."""
    given = f"HOME=/ PGSSLMODE=verify-full PGSSLROOTCERT=/etc/launchpad/rds-ca.pem PGPASSFILE={PASSWORD.format(user)} {more}"
    words = f"psql -X -w -A -t -h {aws.DATABASE} -p {aws.PORT} -U {user} -d {database} -c"
    quoted = "'" + statement.replace("'", "'\\''") + "'"
    return lab.run(f"sudo setpriv --reuid={user} --regid={user} --clear-groups env {given} {words} {quoted}")


def password(lab: Lab, user: str = "app") -> str:
    return lab.sudo(f"cut -d: -f5 {PASSWORD.format(user)}").strip()


@pytest.fixture(scope="module")
def lab(machine: Lab, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """The app with its database on RDS."""
    aws.install(machine, tmp_path_factory.mktemp("aws"))
    repo = Repo.of("postgres", tmp_path_factory.mktemp("repo") / "postgres")
    repo.commit("one")
    machine.give_uv()
    machine.prepare(**WANTED).data()
    machine.deploy(repo, "one", **DEPLOYED).data()
    return machine


def test_the_database_is_ready_before_release_and_each_library_finds_it_by_tls(lab: Lab) -> None:
    assert words(lab) == ["first"]
    found = json.loads(ask(lab, "/libraries").out)
    of_sqlalchemy = ("sqlalchemy asyncpg", "sqlalchemy psycopg", "sqlalchemy psycopg2")
    assert found == dict.fromkeys(("asyncpg", "django", "psycopg", "psycopg2", *of_sqlalchemy), "app@app")
    text = "select ssl, version from pg_stat_ssl where pid = pg_backend_pid()"
    assert lab.sudo(f"launchpad-agent run --app app -- psql -Atc '{text}'") == "t|TLSv1.3\n"


def test_what_is_as_it_should_be_is_left_alone_and_the_masters_password_is_not_even_read(lab: Lab) -> None:
    before = aws.asked(lab)
    assert lab.prepare(**WANTED).data()["changed"] == []
    assert json.loads(lab.sudo("launchpad-agent verify --app app --json"))["differences"] == []
    assert aws.asked(lab) == before


def test_no_password_is_where_others_could_see_it(lab: Lab) -> None:
    own = password(lab)
    assert len(own) >= 43
    assert lab.sudo(f"stat --format='%a %U' {PASSWORD.format('app')}") == "400 app\n"
    lab.put("secrets", f"{own}\nfirst-canary\nkey-canary\ntoken-canary\n".encode())
    places = "/etc/launchpad /etc/systemd/system /var/lib/launchpad /srv/app /run/launchpad"
    found = lab.run(f"sudo grep -rlFf secrets {places}").out.split()
    assert found == [PASSWORD.format("app")]
    assert lab.run("sudo sh -c 'journalctl --no-pager | grep -cFf secrets'").out == "0\n"
    # The statements of the master are in the server's log, which has its password from nobody but the test itself.
    assert lab.run(f"sudo grep -rcF {own} /var/log/postgresql/postgresql-17-main.log").out == "0\n"
    assert (
        lab.run("sudo sh -c \"cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n' | grep -cFf secrets\"").out
        == "0\n"
    )


def test_the_app_goes_on_while_rds_changes_the_masters_password(lab: Lab) -> None:
    before = words(lab)
    for number in range(9):
        if number % 3 == 1:
            aws.rotate(lab, f"canary-{number}")
        assert ask(lab, "/words", f"word-{number}").code == 0
    assert words(lab) == [*before, *(f"word-{number}" for number in range(9))]
    # What only the master may do works with the password of that moment.
    aws.ask(lab, "ALTER ROLE app CONNECTION LIMIT 7; GRANT CONNECT ON DATABASE app TO PUBLIC")
    assert lab.prepare(**WANTED).data()["changed"] == ["database"]
    assert lab.prepare(**WANTED).data()["changed"] == []


def test_a_secret_that_is_behind_the_server_is_read_again(lab: Lab) -> None:
    aws.ask(lab, "ALTER ROLE app CONNECTION LIMIT 7")
    aws.rotate_ahead(lab, "ahead-canary")
    before = aws.asked(lab)
    assert lab.prepare(**WANTED).data()["changed"] == ["database"]
    assert aws.asked(lab) == before + 2
    assert aws.ask(lab, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'app'") == "80\n"


def test_a_password_that_somebody_changed_is_mended_before_a_start_and_root_is_led_nowhere(lab: Lab) -> None:
    aws.ask(lab, "ALTER ROLE app PASSWORD 'by hand'")
    path = PASSWORD.format("app")
    as_app = "sudo setpriv --reuid=app --regid=app --clear-groups sh -c"
    assert lab.run(f"{as_app} 'ln -sf /etc/shadow {path}'").code != 0
    assert lab.run(f"{as_app} 'chmod 600 {path} && echo nonsense >{path}'").code == 0
    assert ask(lab, "/words").code != 0
    # So does a deployment, and ``prepare``.
    lab.run("sudo launchpad-agent restart --app app").data()
    assert words(lab)[0] == "first"
    assert lab.sudo(f"stat --format='%a %U' {path}") == "400 app\n"
    assert lab.prepare(**WANTED).data()["changed"] == []


def test_an_app_reads_no_other_database_and_commands_nothing_of_the_server(lab: Lab) -> None:
    other = {**WANTED, "http_port": PORTS["other"]}
    lab.prepare(app="other", **other).data()
    assert psql(lab, "other", "other", "SELECT current_user").out == "other\n"
    assert 'permission denied for database "app"' in psql(lab, "other", "app", "SELECT 1").err
    assert psql(lab, "other", "other", "SELECT 1", more=f"PGPASSFILE={PASSWORD.format('app')}").code == 2
    assert "no encryption" in psql(lab, "other", "other", "SELECT 1", more="PGSSLMODE=disable").err
    assert (
        "certificate verify failed"
        in psql(lab, "other", "other", "SELECT 1", more="PGSSLROOTCERT=/etc/ssl/certs/ca-certificates.crt").err
    )
    for statement in ("CREATE DATABASE more", "CREATE ROLE more", "SET ROLE launchpad", "ALTER ROLE other CREATEDB"):
        assert "permission denied" in psql(lab, "other", "other", statement).err, statement


def test_a_dump_is_loaded_whole_or_not_at_all(lab: Lab) -> None:
    before = words(lab)
    lab.sudo("sh -c 'launchpad-agent database dump --app app >good.dump'")
    assert ask(lab, "/words", "later").code == 0
    lab.sudo("sh -c 'head -c -8 good.dump >short.dump'")
    done = lab.run("sudo sh -c 'launchpad-agent database load --app app <short.dump'")
    assert done.code == 1
    assert "The dump cannot be loaded; the database is as before" in done.err
    assert words(lab) == [*before, "later"]
    loaded = lab.run("sudo sh -c 'launchpad-agent database load --app app <good.dump'")
    assert loaded.code == 0, loaded.err
    assert words(lab) == before
    assert aws.ask(lab, "SELECT datname FROM pg_database ORDER BY 1").split() == [
        *("app", "other", "postgres", "template0", "template1"),
    ]
    assert lab.prepare(**WANTED).data()["changed"] == []


PROVE = """
import sys
sys.path.insert(0, "launchpad-agent.pyz")
from infra.agent.services import postgres_dump
from infra.agent.system.layout import App
with open("good.dump", "rb") as dump:
    print(postgres_dump.prove(App("app"), dump, ("pg_trgm",)))
"""


def test_a_dump_is_proved_as_backups_are(lab: Lab) -> None:
    lab.put("prove.py", PROVE.encode())
    assert lab.sudo("python3 -B prove.py") == "1\n"
    assert "app.load" not in aws.ask(lab, "SELECT datname FROM pg_database")


def test_status_and_data_tell_of_it(lab: Lab) -> None:
    assert f"  database     PostgreSQL 17 on {aws.DATABASE}, " in lab.sudo("launchpad-agent status --app app")
    assert " in its database" in lab.sudo("launchpad-agent data --app app")


def test_an_app_that_goes_takes_its_database_along_or_leaves_it(lab: Lab) -> None:
    kept = lab.run("sudo launchpad-agent remove --app other --keep-data").data()
    assert (kept["kept"], kept["left"]) == (["/srv/other/data", aws.DATABASE], [])
    assert aws.ask(lab, "SELECT count(*) FROM pg_database WHERE datname IN ('app', 'other')") == "2\n"
    lab.prepare(app="other", http_port=PORTS["other"], **aws.spec()).data()
    assert psql(lab, "other", "other", "SELECT 1").out == "1\n"
    for app in ("other", "app"):
        last = lab.run(f"sudo python3 launchpad-agent.pyz remove --app {app}").data()
        assert last["left"] == []
    assert aws.ask(lab, "SELECT count(*) FROM pg_database WHERE datname IN ('app', 'other')") == "0\n"
    assert aws.ask(lab, "SELECT count(*) FROM pg_roles WHERE rolname IN ('app', 'other')") == "0\n"
    assert lab.run("ls -A /etc/launchpad /var/lib/launchpad /srv").out == "/srv:\n"
