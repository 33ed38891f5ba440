"""``database: postgres`` on a real machine: what is in it outlives whatever happens, and nobody else reads it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from typing import Any

import pytest

from infra.machines.embedded import client, record
from infra.protocol.codec import SCHEMA
from tests.agent.lab import USER, Done, Lab, Repo
from tests.agent.listing import differences, listing
from tests.agent.test_backups import as_app, now, restore, running, set_up

DATABASE: dict[str, Any] = {"database": {"engine": "postgres", "extensions": ["pg_trgm"]}}
SOCKET = "/run/launchpad-postgresql"
UNIT = "launchpad-postgresql"
LIMIT = 60


def psql(lab: Lab, user: str, database: str, statement: str) -> Done:
    """Run a statement as a user of the machine, with the rights of that user alone."""
    words = f"psql -X -A -t -h {SOCKET} -U {user} -d {database} -c"
    quoted = "'" + statement.replace("'", "'\\''") + "'"
    return lab.run(f"sudo setpriv --reuid={user} --regid={user} --clear-groups {words} {quoted}")


def words(lab: Lab) -> list[str]:
    status, text = lab.get("/words")
    assert status == 200, text
    found = json.loads(text)
    assert isinstance(found, list)
    return found


def postmaster(lab: Lab) -> str:
    return lab.sudo(f"systemctl show --property=MainPID --value {UNIT}").strip()


def remove(lab: Lab, app: str, options: str = "") -> Done:
    return lab.run(f"sudo python3 launchpad-agent.pyz remove --app {app} {options}")


@pytest.fixture(scope="module")
def bare(machine: Lab) -> dict[str, str]:
    """Everything that is on the machine before."""
    return listing(machine)


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    repo = Repo.of("postgres", tmp_path_factory.mktemp("repo") / "postgres")
    repo.commit("one")
    return repo


FOLDER = "/var/backups/shop"
TRACE = """
import pathlib, sys
process = pathlib.Path('/proc', sys.argv[1])
try:
    (process / 'mem').open('r+b')
except PermissionError:
    print(f'{(process / "comm").read_text().strip()}: not permitted')
else:
    print('taken over')
"""

KILL = """
launchpad-agent prepare <spec.json 2>progress &
agent=$!
until grep -q "$1" progress; do kill -0 $agent || exit 0; sleep 0.01; done
kill -KILL $agent
"""


@pytest.fixture(scope="module")
def lab(machine: Lab, bare: dict[str, str], repo: Repo) -> Lab:
    """The app with its database. Its first ``prepare`` was killed at each step, and begun again."""
    assert not any("postgres" in name for name in bare)
    machine.give_uv()
    machine.prepare().data()
    machine.put("spec.json", json.dumps({"schema": SCHEMA, "app": "app", **DATABASE}).encode())
    machine.put("kill.sh", KILL.encode())
    for step in ("installing postgresql", "making a PostgreSQL", "starting PostgreSQL", "setting up the database"):
        machine.sudo(f"sh kill.sh '{step}'")
    machine.prepare(**DATABASE).data()
    machine.deploy(repo, "one", **DATABASE).data()
    return machine


def test_the_database_is_ready_before_release_and_each_library_finds_it(lab: Lab) -> None:
    assert words(lab) == ["first"]
    found = json.loads(lab.get("/libraries")[1])
    of_sqlalchemy = ("sqlalchemy asyncpg", "sqlalchemy psycopg", "sqlalchemy psycopg2")
    assert found == dict.fromkeys(("asyncpg", "django", "psycopg", "psycopg2", *of_sqlalchemy), "app@app")
    assert lab.sudo("launchpad-agent run --app app -- psql -Atc 'select current_user'") == "app\n"


def test_no_password_exists_and_no_port_is_open(lab: Lab) -> None:
    assert (
        psql(lab, "launchpad-postgres", "postgres", "SELECT count(*) FROM pg_authid WHERE rolpassword IS NOT NULL").out
        == "0\n"
    )
    listening = lab.sudo("ss -Hltnp")
    assert "postgres" not in listening
    assert lab.sudo("pg_lsclusters --no-header") == ""
    kept = lab.sudo("grep -rhoE '(postgres|postgresql)://[^\"]*' /etc/launchpad /etc/systemd/system")
    assert set(kept.split()) == {f"postgresql://app@/app?host={SOCKET}"}
    # The user's name is all that stands before the @.
    assert (
        lab.run("sudo sh -c \"cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n' | grep -i [p]gpass\"").out
        == ""
    )


def test_what_is_as_it_should_be_is_left_alone(lab: Lab) -> None:
    before = postmaster(lab)
    assert lab.prepare(**DATABASE).data()["changed"] == []
    assert postmaster(lab) == before
    assert json.loads(lab.sudo("launchpad-agent verify --app app --json"))["differences"] == []


def test_an_app_reads_no_other_database_and_commands_nothing_of_the_server(lab: Lab) -> None:
    lab.prepare(app="other", http_port=8080, **DATABASE).data()
    lab.prepare(app="none", http_port=8081).data()
    assert (
        psql(lab, "other", "other", "CREATE TABLE t AS SELECT 1; GRANT CONNECT ON DATABASE other TO PUBLIC").code == 0
    )
    for user, database in (
        *(("other", "app"), ("app", "other"), ("app", "postgres"), ("app", "template1"), ("none", "app")),
        *(("deploy", "app"), ("postgres", "postgres"), ("root", "app")),
    ):
        done = psql(lab, user, database, "SELECT 1")
        assert (done.code, done.out) == (2, ""), (user, database)
    # Another's name helps nobody: the kernel says who it is.
    done = lab.run(
        f"sudo setpriv --reuid=other --regid=other --clear-groups psql -h {SOCKET} -U app -d app -c 'SELECT 1'"
    )
    assert 'Peer authentication failed for user "app"' in done.err
    for statement in (
        "COPY words TO PROGRAM 'id'",
        "COPY words FROM '/etc/shadow'",
        "CREATE DATABASE more",
        "CREATE ROLE more",
        "ALTER SYSTEM SET listen_addresses = '*'",
        "ALTER ROLE app SUPERUSER",
        "ALTER ROLE app CONNECTION LIMIT -1",
        'SET ROLE "launchpad-postgres"',
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'launchpad-postgres'",
        "CREATE EXTENSION file_fdw",
    ):
        done = psql(lab, "app", "app", statement)
        assert any(word in done.err for word in ("denied", "must be", "not allowed")), (statement, done)


def test_one_app_leaves_connections_to_the_others(lab: Lab) -> None:
    limit = int(
        psql(lab, "launchpad-postgres", "postgres", "SELECT rolconnlimit FROM pg_roles WHERE rolname='app'").out
    )
    most = int(psql(lab, "launchpad-postgres", "postgres", "SHOW max_connections").out)
    assert 0 < limit < most
    assert (
        psql(
            lab,
            "launchpad-postgres",
            "postgres",
            "SELECT count(*) FROM pg_roles WHERE rolconnlimit = -1 AND rolcanlogin",
        ).out
        == "1\n"
    )


def test_what_was_changed_by_hand_is_found_and_put_back(lab: Lab) -> None:
    lab.sudo("sh -c 'echo local all all trust >>/etc/launchpad/postgresql/pg_hba.conf'")
    lab.sudo(f"systemctl stop {UNIT}")
    found = lab.run("sudo launchpad-agent verify --app app").out
    assert "/etc/launchpad/postgresql/pg_hba.conf" in found
    assert f"{UNIT}.service" in found
    assert json.loads(lab.sudo("launchpad-agent repair --app app"))["left"] == []
    assert words(lab)[0] == "first"
    done = psql(
        lab,
        "launchpad-postgres",
        "postgres",
        "ALTER ROLE app CREATEDB; GRANT CONNECT ON DATABASE app TO PUBLIC; "
        'ALTER DATABASE app OWNER TO "launchpad-postgres"; GRANT pg_read_all_data TO app',
    )
    assert done.code == 0, done.err
    assert lab.prepare(**DATABASE).data()["changed"] == ["database"]
    assert lab.prepare(**DATABASE).data()["changed"] == []
    assert psql(lab, "other", "app", "SELECT 1").code == 2


def test_a_stopped_server_is_started_before_the_app_is(lab: Lab) -> None:
    lab.sudo(f"systemctl stop {UNIT}")
    lab.run("sudo launchpad-agent restart --app app").data()
    assert words(lab)[0] == "first"


def test_extensions_are_created_and_one_that_is_not_here_is_refused_by_name(lab: Lab) -> None:
    wanted = {"database": {"engine": "postgres", "extensions": ["pg_trgm", "file_fdw", "uuid-ossp"]}}
    lab.prepare(**wanted).data()
    assert psql(
        lab, "app", "app", "SELECT extname FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1"
    ).out.split() == [
        *("file_fdw", "pg_trgm", "uuid-ossp"),
    ]
    done = lab.prepare(database={"engine": "postgres", "extensions": ["vector"]})
    assert "launchpad:database_extensions has vector, which this machine does not have. It has " in done.err
    lab.prepare(**wanted).data()


def test_a_dump_is_loaded_whole_or_not_at_all(lab: Lab) -> None:
    wanted = {"engine": "postgres", "extensions": ["pg_trgm", "file_fdw", "uuid-ossp"]}
    lab.prepare(database=wanted).data()
    before = words(lab)
    # Large enough that what is cut off below is data, and not the list of what the dump has.
    psql(lab, "app", "app", "CREATE TABLE filler AS SELECT md5(n::text) FROM generate_series(1, 2000) AS n")
    lab.sudo("sh -c 'launchpad-agent database dump --app app >good.dump'")
    size = int(lab.sudo("stat --format=%s good.dump"))
    assert lab.get("/words", data=b"later")[0] == 200
    lab.sudo("sh -c 'head -c -100 good.dump >short.dump; echo no dump >none.dump'")
    for file, options, why in (
        ("short.dump", f"--size {size}", f"Only {size - 100} of {size} bytes arrived"),
        ("short.dump", "", "the database is as before"),
        ("none.dump", "", "This is no dump in PostgreSQL's custom form"),
    ):
        done = lab.run(f"sudo sh -c 'launchpad-agent database load --app app {options} <{file}'")
        assert done.code == 1
        assert why in done.err
        assert words(lab) == [*before, "later"]
    loaded = lab.run(f"sudo sh -c 'launchpad-agent database load --app app --size {size} <good.dump'")
    assert loaded.code == 0, loaded.err
    assert words(lab) == before
    assert psql(lab, "launchpad-postgres", "postgres", "SELECT datname FROM pg_database ORDER BY 1").out.split() == [
        *("app", "other", "postgres", "template0", "template1"),
    ]
    assert lab.sudo("find /var/lib/launchpad-postgresql -maxdepth 1 -name '*.load'") == ""
    assert lab.prepare(database=wanted).data()["changed"] == []


SLOW_LOAD = """
mkfifo slow.dump
launchpad-agent database load --app app --who ada <slow.dump >loaded 2>&1 &
load=$!
exec 3>slow.dump
until test -s /run/launchpad/app-app.exchange; do kill -0 $load || exit 2; sleep 0.1; done
launchpad-agent run --app app -- true
refused=$?
cat good.dump >&3
exec 3>&-
wait $load || { cat loaded >&2; exit 3; }
exit $refused
"""


def test_no_command_begins_while_a_dump_is_loaded(lab: Lab) -> None:
    """The dump comes through a FIFO, so that the load waits for it until the command has been refused."""
    lab.sudo("sh -c 'launchpad-agent database dump --app app >good.dump'")
    run = "sudo launchpad-agent run --app app"
    name = lab.run(f"{run} --detach -- sleep 600").out.strip()
    done = lab.run("sudo sh -c 'launchpad-agent database load --app app <good.dump'")
    assert (done.code, "1 commands of run use the data of app now" in done.err) == (1, True), done.err
    lab.sudo(f"systemctl stop launchpad-app-{name}.service")
    lab.put("slow.sh", SLOW_LOAD.encode())
    done = lab.run("sudo bash slow.sh")
    assert done.code == 1
    assert "The data of app is being exchanged by ada since " in done.err
    assert " for loading a dump into app, process " in done.err
    assert lab.run(f"{run} -- true").code == 0


CHOOSY = {**DATABASE, "command": "psql -qc 'SELECT FROM words' && exec gunicorn --workers 2 app:app"}
"""It ends at once where the database is not its own."""


def test_an_app_that_is_not_healthy_with_a_dump_has_its_former_database_again(lab: Lab, repo: Repo) -> None:
    before = words(lab)
    lab.deploy(repo, "one", **CHOOSY).data()
    lab.sudo("sh -c 'launchpad-agent database dump --app other >other.dump'")
    done = lab.run("sudo sh -c 'launchpad-agent database load --app app <other.dump'")
    assert done.code == 1
    assert "app is not healthy with what was loaded, so it has its former database again" in done.err
    assert words(lab) == before
    names = psql(lab, "launchpad-postgres", "postgres", "SELECT datname FROM pg_database ORDER BY 1").out.split()
    assert names == ["app", "other", "postgres", "template0", "template1"]
    lab.sudo("sh -c 'launchpad-agent database dump --app app >good.dump'")
    kept = lab.run("sudo sh -c 'launchpad-agent database load --app app --keep <other.dump'")
    assert kept.code == 0, kept.err
    assert "warning: app is not healthy" in kept.err
    assert lab.get("/words")[0] == 500
    lab.sudo("sh -c 'launchpad-agent database load --app app <good.dump'")
    assert words(lab) == before
    lab.deploy(repo, "one", **DATABASE).data()


HOLDS = """
import os, psycopg, signal
held = []
try:
    while True:
        held.append(psycopg.connect(os.environ["DATABASE_URL"]))
except psycopg.OperationalError as error:
    print(str(error).splitlines()[0], flush=True)
signal.pause()
"""


def test_an_app_that_leaves_all_its_connections_open_keeps_out_nobody(lab: Lab) -> None:
    lab.put("holds.py", HOLDS.encode())
    lab.sudo("cp holds.py /srv/app/data/holds.py")
    name = lab.sudo("launchpad-agent run --app app --detach -- python /srv/app/data/holds.py").strip()
    full = f"launchpad-agent logs --app app --process {name}"
    lab.sudo(f"timeout 300 sh -c 'until {full} | grep -q \"too many connections for role\"; do sleep 0.1; done'")
    asked = lab.run("sudo launchpad-agent run --app app --with-database -- psql -Atc 'SELECT 6 * 7'")
    assert (asked.code, asked.out) == (0, "42\n"), asked.err
    assert "app has all the connections to its database that it may have" in asked.err
    lab.sudo(f"systemctl stop launchpad-app-{name}.service")


def test_an_app_without_a_database_is_told_so(lab: Lab) -> None:
    for verb in ("run --app none --with-database -- psql", "database dump --app none"):
        done = lab.run(f"sudo launchpad-agent {verb}")
        assert done.code == 1
        assert "none has no database on this machine: set launchpad:database to postgres" in done.err


WRITER = f"""\
import subprocess
ask = subprocess.Popen(["psql", "-qX", "-h", "{SOCKET}", "-d", "app"], stdin=subprocess.PIPE, text=True)
for number in range(1, 10**9):
    print("BEGIN; INSERT INTO orders (amount) VALUES (7);", file=ask.stdin)
    print("UPDATE total SET orders = orders + 1, amount = amount + 7; COMMIT;", file=ask.stdin, flush=True)
"""


def test_a_backup_under_load_has_one_moment_of_the_database_and_puts_it_back_with_the_files(lab: Lab) -> None:
    assert set_up(lab, repository=FOLDER).data()["warnings"] == []
    psql(lab, "app", "app", "CREATE TABLE orders (id bigserial PRIMARY KEY, amount int)")
    psql(lab, "app", "app", "CREATE TABLE total AS SELECT 0::bigint AS orders, 0::bigint AS amount")
    as_app(lab, "echo then >note")
    with running(lab, "orders", WRITER):
        until = time.monotonic() + LIMIT
        while int(psql(lab, "app", "app", "SELECT orders FROM total").out) < 100:
            assert time.monotonic() < until
        assert now(lab).data()["state"] == "green"
        last = int(psql(lab, "app", "app", "SELECT orders FROM total").out)
    assert "the dump of the database loads, with " in lab.sudo("journalctl --no-pager -o cat -t launchpad-backup")
    psql(lab, "app", "app", "DELETE FROM orders; CREATE TABLE later ()")
    as_app(lab, "echo later >note")
    restore(lab).data()
    counted = "SELECT (SELECT count(*) FROM orders), (SELECT sum(amount) FROM orders), orders, amount FROM total"
    rows, amount, said, total = map(int, psql(lab, "app", "app", counted).out.split("|"))
    assert (rows, amount) == (said, total)
    assert 100 <= rows <= last
    assert psql(lab, "app", "app", "SELECT to_regclass('later') IS NULL").out == "t\n"
    assert as_app(lab, "cat note") == "then\n"
    assert words(lab) == ["first"]
    psql(lab, "app", "app", "DROP TABLE orders, total")
    as_app(lab, "rm note")
    lab.run("sudo launchpad-agent backup settings --remove --owner shop/prod").data()
    lab.sudo(f"rm -rf {FOLDER}")


def sleeps_in(lab: Lab, ending: str) -> None:
    """Have whoever loads a dump of the app's database into one with this ending wait until the app likes to go on."""
    body = f"BEGIN IF current_database() = 'app{ending}' THEN PERFORM pg_sleep(900); END IF; RETURN 1; END"
    function = f"CREATE FUNCTION public.slow() RETURNS int LANGUAGE plpgsql AS $${body}$$"
    done = psql(lab, "app", "app", f"{function}; CREATE MATERIALIZED VIEW slow AS SELECT public.slow() AS n")
    assert done.code == 0, done.err


def until_it_sleeps(lab: Lab, ending: str) -> None:
    busy = f"SELECT count(*) FROM pg_stat_activity WHERE datname = 'app{ending}' AND wait_event = 'PgSleep'"
    until = time.monotonic() + 2 * LIMIT
    while psql(lab, "launchpad-postgres", "postgres", busy).out != "1\n":
        assert time.monotonic() < until
        time.sleep(0.2)


def ends(lab: Lab, database: str, which: str = "true") -> None:
    """End connections to a database."""
    end = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}' AND {which}"
    assert psql(lab, "launchpad-postgres", "postgres", end).out == "t\n"


def databases(lab: Lab) -> list[str]:
    return psql(lab, "launchpad-postgres", "postgres", "SELECT datname FROM pg_database ORDER BY 1").out.split()


def test_a_drill_that_an_app_keeps_waiting_keeps_nobody_else_waiting(lab: Lab) -> None:
    sleeps_in(lab, ".drill")
    assert set_up(lab, repository=FOLDER).data()["warnings"] == []
    lab.sudo("systemctl start --no-block launchpad-backup.shop:prod.service")
    until_it_sleeps(lab, ".drill")
    lab.prepare(app="other", http_port=8080, **DATABASE).data()
    assert lab.prepare(**DATABASE).data()["changed"] == []
    lab.run("sudo launchpad-agent restart --app app").data()
    assert "app.drill" in databases(lab)
    ends(lab, "app.drill")
    until = time.monotonic() + LIMIT
    while lab.run("systemctl is-active launchpad-backup.shop:prod.service").out.strip() in ("active", "activating"):
        assert time.monotonic() < until
        time.sleep(0.2)
    assert "The dump cannot be loaded" in lab.serving()["backup"]["reason"]
    assert databases(lab) == ["app", "other", "postgres", "template0", "template1"]
    psql(lab, "app", "app", "DROP MATERIALIZED VIEW slow; DROP FUNCTION slow()")


def test_an_app_traces_no_process_of_its_user_that_is_not_its_own(lab: Lab) -> None:
    lab.put("trace.py", TRACE.encode())
    lock = f"psql -h {SOCKET} -d app -c 'BEGIN; LOCK TABLE words; SELECT pg_sleep(900)'"
    lab.sudo(f"systemd-run --quiet --unit=locking --uid=app --gid=app {lock}")
    until_it_sleeps(lab, "")
    lab.sudo("systemd-run --quiet --unit=dumping sh -c 'exec launchpad-agent database dump --app app >/dev/null'")
    waits = "for i in $(seq 300); do pgrep -u app -x pg_dump && exit 0; sleep 0.2; done; exit 1"
    dumping = lab.run(f"sudo sh -c '{waits}'").out.strip()
    traced = lab.sudo(f"sh -c 'systemd-run --quiet --wait --pipe --uid=app --gid=app python3 - {dumping} <trace.py'")
    assert traced == "pg_dump: not permitted\n"
    lab.sudo("systemctl stop dumping locking")
    ends(lab, "app", "wait_event = 'PgSleep'")


@pytest.mark.skipif(os.geteuid() != 0, reason="ends the machine's process on this computer")
def test_a_restore_that_loses_its_power_ends_with_the_old_files_and_the_old_database(lab: Lab) -> None:
    sleeps_in(lab, ".load")
    psql(lab, "app", "app", "CREATE TABLE mixed AS SELECT 'then' AS word")
    as_app(lab, "echo then >note")
    assert now(lab).data()["state"] == "green"
    psql(lab, "app", "app", "UPDATE mixed SET word = 'later'")
    as_app(lab, "echo later >note")
    words = [*lab.ssh_words, f"{USER}@{lab.address}", "sudo launchpad-agent backup restore --app app"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as restoring:
        until_it_sleeps(lab, ".load")
        assert as_app(lab, "cat note") == "then\n", "the files are the backup's, the database is not"
        found = record.load(client.machines(), lab.name)
        assert found
        os.kill(found.pid, signal.SIGKILL)
        subprocess.run([*lab.ssh_words, "-O", "exit", lab.address], capture_output=True, check=False)
        restoring.wait()
    lab.power_on()
    left = "/var/lib/launchpad/app/restore.json -o -e /srv/app/unpacked"
    waits = f"for i in $(seq 300); do test -e {left} || exit 0; sleep 0.4; done; exit 1"
    assert lab.run(f"sudo sh -c '{waits}'").code == 0, lab.run("systemctl status launchpad-app.restore.service").out
    assert as_app(lab, "cat note") == "later\n"
    assert psql(lab, "app", "app", "SELECT word FROM mixed").out == "later\n"
    assert lab.get("/words")[0] == 200
    assert lab.serving()["maintenance"] is None
    assert lab.run("sudo sh -c 'ls /etc/systemd/system/launchpad-app.restore.service /srv/app/unpacked'").out == ""
    # What was half loaded goes when the machine is prepared.
    assert "app.load" in databases(lab)
    assert lab.prepare(**DATABASE).data()["changed"] == ["database"]
    assert databases(lab) == ["app", "other", "postgres", "template0", "template1"]
    psql(lab, "app", "app", "DROP TABLE mixed; DROP MATERIALIZED VIEW slow; DROP FUNCTION slow()")
    as_app(lab, "rm note")
    lab.run("sudo launchpad-agent backup settings --remove --owner shop/prod").data()
    lab.sudo(f"rm -rf {FOLDER}")


def test_the_status_says_how_large_it_is(lab: Lab) -> None:
    found = lab.serving()["database"]
    assert found["version"] == 17
    # An eighth of what the machine may take by its settings, whatever this computer has.
    assert psql(lab, "launchpad-postgres", "postgres", "SHOW shared_buffers").out == "128MB\n"
    assert found["size"] > 5_000_000
    assert "  database     PostgreSQL 17, " in lab.sudo("launchpad-agent status --app app")


def test_the_tables_of_a_database_are_data(lab: Lab) -> None:
    found = {each["app"]: each for each in lab.run("sudo launchpad-agent data --json").data()["apps"]}
    assert (found["app"]["tables"] > 0, found["app"]["database_size"] > 5_000_000) == (True, True)
    assert " in its database" in lab.sudo("launchpad-agent data --app app")
    assert found["none"]["tables"] == 0


def test_an_app_is_removed_whatever_it_and_others_have_done_to_its_database(lab: Lab) -> None:
    lab.prepare(app="third", http_port=8082, **DATABASE).data()
    granting = (
        "CREATE TABLE given (); GRANT ALL ON given TO third; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO third"
    )
    for app, statements in (
        ("third", "ALTER DATABASE third IS_TEMPLATE true; ALTER ROLE third SET statement_timeout = 1"),
        ("other", f"{granting}; GRANT ALL ON DATABASE other TO third"),
    ):
        assert psql(lab, app, app, statements).code == 0
    assert remove(lab, "third").data()["left"] == []
    assert databases(lab) == ["app", "other", "postgres", "template0", "template1"]
    roles = "SELECT rolname FROM pg_roles WHERE rolname NOT LIKE 'pg_%' ORDER BY 1"
    assert psql(lab, "launchpad-postgres", "postgres", roles).out.split() == ["app", "launchpad-postgres", "other"]
    assert psql(lab, "other", "other", "DROP TABLE given").code == 0


KEPT = re.compile(
    r"/etc/(passwd|group|shadow|gshadow): |(user|group) (app|launchpad-postgres):|/srv/app|/var/lib/launchpad-po"
)
"""What may differ from the bare machine while an app's data stays."""


def test_a_removal_that_keeps_data_keeps_the_database_and_nothing_else(lab: Lab, bare: dict[str, str]) -> None:
    assert remove(lab, "none").data()["left"] == []
    assert remove(lab, "app", "--keep-data").data()["kept"] == ["/srv/app/data", "/var/lib/launchpad-postgresql"]
    assert psql(lab, "other", "other", "SELECT 1").code == 0, "it serves the other app"
    last = remove(lab, "other").data()
    assert (last["last"], last["left"]) == (True, [])
    assert {"postgresql", "postgresql-17", "ssl-cert"} <= set(last["packages"])
    lab.sudo("rm -f good.dump short.dump none.dump other.dump holds.py progress trace.py")
    assert [line for line in differences(bare, listing(lab)) if not KEPT.match(line)] == []


def test_beside_a_postgresql_of_somebody_else_the_kept_database_is_found_again(lab: Lab) -> None:
    lab.sudo("apt-get -qq install -y --no-install-recommends postgresql")
    ask = "setpriv --reuid=postgres --clear-groups psql -Atc"
    lab.sudo(f"{ask} 'CREATE TABLE theirs AS SELECT 1'")
    lab.give_uv()
    lab.prepare(**DATABASE).data()
    assert psql(lab, "app", "app", "SELECT word FROM words ORDER BY id LIMIT 1").out == "first\n"
    assert lab.sudo(f"{ask} 'SELECT count(*) FROM theirs'") == "1\n"
    assert psql(lab, "postgres", "app", "SELECT 1").code == 2
    last = remove(lab, "app").data()
    assert (last["last"], last["left"], last["kept"]) == (True, [], [])
    assert lab.run("test -e /var/lib/launchpad-postgresql || id launchpad-postgres").code != 0
    assert lab.sudo(f"{ask} 'SELECT count(*) FROM theirs'") == "1\n"
