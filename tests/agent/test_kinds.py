"""Ordinary Python web apps of different kinds, and what passes the proxy."""

import base64
import json
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.protocol.codec import SCHEMA
from tests.agent.lab import APP, Lab, Repo, deploy_spec


def test_django_migrates_and_serves_its_static_files(lab: Lab, tmp_path: Path) -> None:
    repo = Repo.of("django", tmp_path / "django")
    repo.commit("first")
    done = lab.deploy(repo, "first")
    assert done.code == 0, done.err
    assert "release: python manage.py migrate" in done.err
    assert lab.get("/")[1] == "first 1\n"
    assert lab.get("/static/site.css") == (200, "body { color: teal; }\n")
    repo.commit("second")
    lab.deploy(repo, "second").data()
    assert lab.get("/")[1] == "second 2\n"
    back = lab.deploy(repo, "first")
    assert back.data()["built"] is False
    assert "release: python" not in back.err
    changed = lab.deploy(repo, "first", env={"SECRET_KEY": "other"})
    assert "release: python manage.py migrate" in changed.err


@pytest.fixture(scope="module")
def fastapi(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """The FastAPI app with a lock file, serving."""
    repo = Repo.of("fastapi", tmp_path_factory.mktemp("repo") / "fastapi")
    # A lock file names its registry: none is committed, so it is made here, by the machine's uv.
    lock = "d=$(mktemp -d) && cat > $d/pyproject.toml && UV_SYSTEM_CERTS=1 /opt/launchpad/uv/bin/uv lock -q --directory $d && cat $d/uv.lock"
    locked = lab.run(lock, (repo.path / "pyproject.toml").read_text())
    assert locked.code == 0, locked.err
    repo.commit("red", {"uv.lock": locked.out})
    repo.commit("green")
    done = lab.deploy(repo, "red")
    assert done.code == 0, done.err
    assert "installing dependencies (uv.lock)" in done.err
    return repo


def said(lab: Lab, text: str) -> None:
    """Wait until the worker, which starts beside the web process, has said this."""
    until = time.monotonic() + 60
    while (found := lab.get("/worker")[1]) != text:
        assert time.monotonic() < until, found
        time.sleep(0.1)


def test_workers_restart_with_the_release(lab: Lab, fastapi: Repo) -> None:
    said(lab, "red worker\n")
    lab.deploy(fastapi, "green").data()
    said(lab, "green worker\n")
    assert lab.serving()["processes"]["worker"]["state"] == "active"
    fastapi.commit("solo", {"Procfile": "web: uvicorn app:app\n"})
    done = lab.deploy(fastapi, "solo")
    assert "stopping worker, which is no longer in the Procfile" in done.err
    assert "worker" not in lab.serving()["processes"] or lab.serving()["processes"]["worker"]["state"] != "active"
    fastapi.commit("broken", {"Procfile": "web: uvicorn app:app\nworker: python nothing.py\n"})
    done = lab.deploy(fastapi, "broken")
    assert done.code == 0
    assert "process worker is not running" in done.data()["warnings"][0]
    assert "can't open file" in done.data()["warnings"][0]
    lab.deploy(fastapi, "green").data()


def test_a_websocket_passes_and_a_drain_waits_for_it(lab: Lab, fastapi: Repo) -> None:
    lab.deploy(fastapi, "green")
    with socket.create_connection((lab.address, 80), 10) as connection:
        key = base64.b64encode(os.urandom(16)).decode()
        connection.sendall(
            f"GET /echo HTTP/1.1\r\nHost: {lab.address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        assert b" 101 " in connection.recv(4096).split(b"\r\n")[0]
        assert echo(connection, b"hello") == b"green: hello"
        done = lab.deploy(fastapi, "red", drain_timeout=2)
        assert "drain: 1 requests to the old release are still under way after 2 s" in done.err
    assert lab.marker() == "red"


def echo(connection: socket.socket, text: bytes) -> bytes:
    """Send a masked text frame and read the answer's text."""
    mask = b"\1\2\3\4"
    masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(text))
    connection.sendall(bytes([0x81, 0x80 | len(text)]) + mask + masked)
    frame = connection.recv(4096)
    return frame[2 : 2 + frame[1]]


def test_a_stream_arrives_piece_by_piece(lab: Lab, fastapi: Repo) -> None:
    assert fastapi.revisions
    with socket.create_connection((lab.address, 80), 10) as connection:
        connection.sendall(f"GET /stream HTTP/1.1\r\nHost: {lab.address}\r\nConnection: close\r\n\r\n".encode())
        arrivals = []
        while data := connection.recv(4096):
            arrivals += [time.monotonic()] * data.count(b"part ")
    assert len(arrivals) == 5
    assert arrivals[-1] - arrivals[0] > 0.5


def test_forwarded_headers_and_limits(lab: Lab, flask: Repo) -> None:
    lab.prepare(limits={"request_body": "1MB", "request_header": "8KB"}).data()
    lab.deploy(flask, "one").data()
    spoofed = {"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil", "X-Real-Ip": "1"}
    spoofed |= {"X-Scheme": "https", "X-Forwarded-Ssl": "on", "Forwarded": "proto=https"}
    seen = json.loads(lab.get("/headers", spoofed)[1])
    assert seen["X-Forwarded-Proto"] == "http"
    assert seen["X-Forwarded-Host"] == lab.address
    assert "1.2.3.4" not in seen["X-Forwarded-For"]
    assert not {"X-Real-Ip", "X-Scheme", "X-Forwarded-Ssl", "Forwarded"} & set(seen)
    assert lab.get("/size", data=b"x" * 900_000) == (200, "900000")
    with socket.create_connection((lab.address, 80), 10) as connection:
        connection.sendall(f"POST /size HTTP/1.1\r\nHost: {lab.address}\r\nContent-Length: 1100000\r\n\r\n".encode())
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.endswith(b"The request body is larger than 1000000 bytes.")
    assert lab.get("/", {"X-Long": "x" * 20_000})[0] == 431
    assert '"uri":"/size"' in lab.sudo("launchpad-agent logs --app app --process proxy --lines 10")


def test_a_trusted_proxy_says_who_the_visitor_is_and_nobody_else(lab: Lab, flask: Repo) -> None:
    """Case 34: HTTPS ends at a load balancer, which appends the visitor's address to what the visitor sent."""
    lab.deploy(flask, "one").data()
    ours = json.loads(lab.get("/headers")[1])["X-Forwarded-For"]
    sent = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "6.6.6.6, 203.0.113.9", "X-Real-Ip": "6.6.6.6"}
    for trusted, visitor, scheme in ((f"{ours}/32", "203.0.113.9", "https"), ("192.0.2.0/24", ours, "http")):
        lab.prepare(trusted_proxies=[trusted]).data()
        seen = json.loads(lab.get("/headers", sent)[1])
        assert (seen["X-Forwarded-For"], seen["X-Forwarded-Proto"]) == (visitor, scheme)
        assert "X-Real-Ip" not in seen
        assert json.loads(lab.get("/headers")[1])["X-Forwarded-For"] == ours


def test_a_package_project_without_lock_and_a_subdirectory(lab: Lab, flask: Repo, tmp_path: Path) -> None:
    project = """\
[project]
name = "shop"
version = "1"
requires-python = ">=3.11"
dependencies = ["flask==3.1.3", "gunicorn==27.0.1"]

[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
"""
    code = (flask.path / "app.py").read_text().replace("Path(__file__).parent / ", "Path() / ")
    repo = Repo.of("flask", tmp_path / "shop")
    repo.commit(
        "shop",
        {
            **{"app.py": None, "requirements.txt": None, "Procfile": None, "web/marker": "shop\n"},
            **{"web/pyproject.toml": project, "web/src/shop/__init__.py": code},
        },
    )
    done = lab.deploy(repo, "shop", directory="web", command="gunicorn shop:app")
    assert done.code == 0, done.err
    assert lab.marker() == "shop"


def test_a_repository_that_the_machine_fetches_itself(lab: Lab, tmp_path: Path) -> None:
    repo = Repo.of("flask", tmp_path / "remote")
    revision = repo.commit("remote")
    bare = lab.sudo("mktemp -d /srv/git-XXXX").strip()
    lab.sudo(f"git init -q --bare {bare}/app.git")
    lab.push(repo, revision)
    lab.sudo(f"git -C /srv/app/repo.git push -q {bare}/app.git {revision}:refs/heads/main")
    lab.sudo(f"git -C {bare}/app.git update-server-info")
    lab.sudo(f"systemd-run -q --unit=git-web python3 -m http.server -d {bare} --bind 127.0.0.1 8418")
    lab.sudo("rm -rf /srv/app/repo.git")
    url = {"kind": "url", "url": "http://user:pa55word@127.0.0.1:8418/app.git"}
    command = f"sudo launchpad-agent deploy --app app --revision {revision}"
    spec = {"schema": SCHEMA, "app": "app", "source": url, "ref": "refs/heads/main", "health": {"path": "/healthz"}}
    done = lab.run(command, json.dumps(spec))
    assert done.code == 0, done.err
    assert f"fetch: {revision[:12]} from http://[secret]@127.0.0.1:8418/app.git" in done.err
    assert lab.marker() == "remote"
    missing = lab.run(command.replace(revision, "1" * 40), json.dumps(spec))
    assert missing.code == 1
    assert f"The commit {'1' * 40} is not in http://[secret]@127.0.0.1:8418/app.git" in missing.err
    strange = {**spec, "source": {"kind": "url", "url": "git@example.org:a/b.git"}}
    refused = lab.run(command.replace(revision, "2" * 40), json.dumps(strange))
    assert "its server's host key is not known" in refused.err


def test_a_repository_over_ssh_with_a_deploy_key(lab: Lab, tmp_path: Path) -> None:
    repo = Repo.of("flask", tmp_path / "private")
    revision = repo.commit("private")
    lab.push(repo, revision)
    lab.sudo("rm -rf /srv/private.git")
    lab.sudo("git init -q --bare --initial-branch=main /srv/private.git")
    lab.sudo(f"git -C /srv/app/repo.git push -q /srv/private.git {revision}:refs/heads/main")
    lab.sudo("chown -R deploy:deploy /srv/private.git")
    lab.sudo("rm -rf /srv/app/repo.git")
    source = {
        "kind": "url",
        "url": "ssh://deploy@127.0.0.1/srv/private.git",
        "deploy_key": (lab.folder / "key").read_text(),
        "known_hosts": "127.0.0.1 " + (lab.folder / "host.pub").read_text(),
    }
    command = f"sudo launchpad-agent deploy --app app --revision {revision}"
    wrong_host = {**source, "known_hosts": "127.0.0.1 " + (lab.folder / "key.pub").read_text()}
    refused = lab.run(command, deploy_spec(source=wrong_host))
    assert refused.code == 1
    assert "The server's host key is not the one in known_hosts." in refused.err
    done = lab.run(command, deploy_spec(source=source))
    assert done.code == 0, done.err
    assert lab.marker() == "private"
    assert lab.run("sudo grep -rl 'PRIVATE KEY' /srv/app/data /etc/launchpad /var/lib/launchpad /tmp").out == ""
    # Last: sshd turns those away for a while that failed to log in.
    wrong_key = {**source, "deploy_key": (lab.folder / "host").read_text()}
    refused = lab.run(command.replace(revision, "3" * 40), deploy_spec(source=wrong_key))
    assert refused.code == 1
    assert "The server does not accept the deploy key." in refused.err


def test_a_push_from_a_shallow_clone(lab: Lab, tmp_path: Path) -> None:
    repo = Repo.of("flask", tmp_path / "deep")
    for marker in ("first", "second", "third"):
        repo.commit(marker)
    repo.git("clone", "--quiet", "--depth=2", f"file://{repo.path}", str(tmp_path / "shallow"))
    shallow = Repo(tmp_path / "shallow", dict(repo.revisions))
    assert lab.deploy(shallow, "third").code == 0
    assert lab.marker() == "third"
    assert lab.deploy(repo, "first").code == 0
    assert lab.marker() == "first"


COUNTER = """\
import os, sqlite3
DB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "db.sqlite3")
def app(environ, start_response):
    con = sqlite3.connect(DB, timeout=20)
    if environ["REQUEST_METHOD"] == "POST":
        con.execute("insert into n values (1)"); con.commit()
    n = con.execute("select count(*) from n").fetchone()[0]
    start_response("200 OK", []); return [f"{n} {open('data/list.txt').read()}".encode()]
def save(text):
    open("data/list.txt", "w").write(text)
"""
MIGRATE = """\
import sqlite3
con = sqlite3.connect("db.sqlite3")
con.execute("pragma journal_mode=wal")
con.execute("create table if not exists n (i)")
"""


def test_a_database_beside_the_code_outlives_its_release_with_no_key(lab: Lab, tmp_path: Path) -> None:
    repo = Repo.of("flask", tmp_path / "counter")
    repo.commit(
        "counter",
        {
            **{"app.py": COUNTER, "migrate.py": MIGRATE, "data/list.txt": "first\n", "data/more/x": "x"},
            "Procfile": "release: python migrate.py\nweb: gunicorn --workers 2 app:app\n",
        },
    )
    done = lab.deploy(repo, "counter", persist=["data"], health={"path": "/", "timeout": 20})
    assert done.code == 0, done.err
    assert "keeping in $DATA_DIR: data, db.sqlite3" in done.err
    assert "data is kept in $DATA_DIR; 2 files of the commit copied there" in done.err
    with ThreadPoolExecutor(8) as pool:
        assert {status for status, _ in pool.map(lambda _: lab.get("/", data=b""), range(40))} == {200}
    assert lab.get()[1] == "40 first\n"
    # Files of SQLite's own lie beside the database, where every release finds them.
    assert lab.run(f"sudo ls /srv/{APP}/data").out.split()[:3] == ["data", "db.sqlite3", "db.sqlite3-shm"]
    lab.sudo(f"sh -c 'echo changed >/srv/{APP}/data/data/list.txt'")
    repo.commit("next", {"data/list.txt": "second\n", "data/new.txt": "new\n", "db.sqlite3": "not for here\n"})
    done = lab.deploy(repo, "next", persist=["data"], health={"path": "/", "timeout": 20})
    assert done.code == 0, done.err
    assert "db.sqlite3 is kept in $DATA_DIR; not changed there, though the commit has others: db.sqlite3" in done.err
    assert (
        "1 file of the commit copied there; not changed there, though the commit has others: data/list.txt" in done.err
    )
    assert lab.get("/", data=b"")[1] == "41 changed\n"
    assert lab.sudo(f"cat /srv/{APP}/data/data/new.txt") == "new\n"
    assert lab.deploy(repo, "next", persist=["data"], health={"path": "/", "timeout": 20}).data()["changed"] is False
    left_out = lab.deploy(repo, "next", persist=["data", "-db.sqlite3"], health={"path": "/", "timeout": 5})
    assert "keeping in $DATA_DIR: data" in left_out.err
    assert lab.get()[1] == "41 changed\n"


def test_a_write_that_fails_after_the_switch_is_told_of(lab: Lab, tmp_path: Path) -> None:
    repo = Repo.of("flask", tmp_path / "late")
    late = "\n\n@app.post('/late')\ndef late():\n    Path(MARKER + '.log').write_text('x')\n    return 'ok'\n"
    repo.commit("late", {"app.py": (repo.path / "app.py").read_text() + late})
    lab.deploy(repo, "late").data()
    said = "has tried to write among its own files. The files of a release are read-only: set launchpad:persist to "
    assert said not in lab.sudo(f"launchpad-agent status --app {APP}")
    assert lab.get("/late", data=b"")[0] == 500
    told = lab.sudo(f"launchpad-agent status --app {APP}")
    assert said in told
    assert '"late.log"].' in told


def test_what_is_in_the_data_directory_leads_root_nowhere(lab: Lab, tmp_path: Path) -> None:
    repo = Repo.of("flask", tmp_path / "hostile")
    repo.commit("hostile", {"kept/file": "x", "pipe/file": "x"})
    data = f"/srv/{APP}/data"
    lab.sudo(f"sh -c 'ln -s /etc {data}/kept; mkdir {data}/pipe; mkfifo {data}/pipe/file; chown -hR {APP} {data}/pipe'")
    refused = lab.deploy(repo, "hostile", persist=["kept"])
    assert refused.code == 1
    assert "Permission denied" in refused.err or "Read-only file system" in refused.err
    assert lab.run("test -e /etc/file").code == 1
    lab.deploy(repo, "hostile", persist=["pipe"]).data()
    lab.sudo(f"sh -c 'rm {data}/kept; mkdir {data}/file'")
    wrong = lab.deploy(repo, "hostile", persist=["file"])
    assert wrong.code == 0, wrong.err
