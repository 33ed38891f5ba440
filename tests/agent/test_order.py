"""Processes as bash has them, whatever they are called; who waits for whom; and that nothing outlives its reader."""

import itertools
import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from cli.history import Deployment, choose, is_built
from infra.protocol.codec import SCHEMA
from tests.agent.lab import APP, USER, Lab, Repo, deploy_spec

NOTE = """\
import os, pathlib, signal, sys, time
out = pathlib.Path(os.environ["DATA_DIR"], f"{sys.argv[1]}.{os.environ['LAUNCHPAD_REVISION'][:12]}")
def stop(*_):
    time.sleep(0.5)
    out.write_text(f"{os.environ.get('GREETING', '')} asked to stop")
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
out.write_text("runs")
time.sleep(1000)
"""
FORMS = {
    "plain": "python note.py plain",
    "exec": "exec python note.py exec",
    "assigned": "GREETING=$TEXT python note.py assigned",
    "both": "GREETING=$TEXT exec python note.py both",
    "list": "cd . && python note.py list",
    "timed": "time python note.py timed",
    "group": "{ python note.py group; }",
    "piped": "python note.py piped | cat",
    "redirected": "python note.py redirected 2>&1",
    "background": "python note.py background & wait",
    "sequence": "python note.py sequence; python note.py never",
    "script": "./start.sh",
    "task": "python note.py task",
    "blue": "python note.py blue",
    "green": "python note.py green",
    "Plain": "python note.py Plain",
    "n" * 100: "python note.py long",
}
START = "#!/bin/sh\ntrue\npython note.py script\n"


def test_every_form_of_command_starts_and_is_asked_to_stop(lab: Lab, tmp_path: Path) -> None:
    procfile = "".join(f"{name}: {line}\n" for name, line in FORMS.items())
    repo = Repo.of("flask", tmp_path / "forms")
    web = "web: exec gunicorn --workers 2 app:app\n"
    repo.commit("forms", {"Procfile": web + procfile, "note.py": NOTE, "start.sh": START}, executable=("start.sh",))
    done = lab.deploy(repo, "forms", env={"TEXT": "two words"})
    assert done.code == 0, done.err
    assert done.data().get("warnings") is None
    assert lab.marker() == "forms"
    repo.commit("none", {"Procfile": web, "note.py": None})
    assert lab.deploy(repo, "none").code == 0
    names = [line.split()[2] for line in FORMS.values() if line.startswith("python")]
    sudo = "bash -c 'systemctl list-units --all --plain --no-legend \"app@*\" | grep -c deactivating; true'"
    wait_for(lambda: lab.sudo(sudo).strip() == "0")
    revision = repo.revisions["forms"][:12]
    found = json.loads(
        lab.sudo(
            "python3 -c 'import json, pathlib; print(json.dumps({path.name: path.read_text() for path in "
            f'pathlib.Path("/srv/app/data").glob("*.{revision}")}}))\''
        )
    )
    assert f"never.{revision}" not in found
    assert len(names) + 6 <= len(found) == len(FORMS)
    greeting = {"assigned": "two words", "both": "two words"}
    assert found == {
        f"{name}.{revision}": f"{greeting.get(name, '')} asked to stop"
        for name in (each.split(".")[0] for each in found)
    }


HOOK = ".launchpad/hooks/before_switch"
HELD = "#!/bin/sh\nwhile [ -e $DATA_DIR/hold ]; do sleep 0.1; done\n"
"""A hook that takes until the test lets it go on."""


STUCK = "#!/bin/sh\n[ -e $DATA_DIR/stuck ] && exit\ntouch $DATA_DIR/stuck\nsleep 1000\n"
"""A hook that goes on for ever the first time that it runs."""


def sleeping(seconds: int) -> str:
    """A hook that takes its time, in silence."""
    return f"#!/bin/sh\nsleep {seconds}\n"


class Request:
    """A command on the machine over a connection of its own, as another workstation has it."""

    def __init__(self, lab: Lab, command: str, feed: str = "") -> None:
        words = [word.replace("ControlMaster=auto", "ControlMaster=no") for word in lab.ssh_words]
        words = [word if not word.startswith("ControlPath") else "ControlPath=none" for word in words]
        self.process = subprocess.Popen(
            [*words, f"{USER}@{lab.address}", f"sudo launchpad-agent {command}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdin is not None
        self.process.stdin.write(feed)
        self.process.stdin.close()
        self.said: list[tuple[float, str]] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    @classmethod
    def deploy(cls, lab: Lab, repo: Repo, marker: str, **spec: Any) -> "Request":
        """Ask for a deployment."""
        lab.push(repo, repo.revisions[marker])
        return cls(lab, f"deploy --app {APP} --revision {repo.revisions[marker]}", deploy_spec(**spec))

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append((time.monotonic(), line))

    @property
    def text(self) -> str:
        """What it said so far."""
        return "".join(line for _, line in self.said)

    def until(self, words: str) -> "Request":
        """Wait until it has said something."""
        wait_for(lambda: words in self.text or self.process.poll() is not None)
        assert words in self.text
        return self

    def end(self) -> int:
        """Its exit status."""
        code = self.process.wait(timeout=120)
        self._thread.join()
        return code

    def lose(self) -> None:
        """The workstation dies."""
        self.process.kill()
        self.end()


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for a condition that comes true soon, or never."""
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.1)


def processes(lab: Lab, pattern: str) -> list[str]:
    """The command lines on the machine that match."""
    lines = lab.run("ps axo args").out.splitlines()
    return [line for line in lines if re.search(pattern, line) and "ps axo" not in line]


@pytest.fixture(scope="module")
def repo(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """Revisions that switch after a while, the first of which serves."""
    repo = Repo.of("flask", tmp_path_factory.mktemp("order") / "flask")
    for marker in ("base", "first", "second", "third"):
        repo.commit(marker, {HOOK: HELD}, executable=(HOOK,))
    done = lab.deploy(repo, "base")
    assert done.code == 0, done.err
    return repo


@contextmanager
def held(lab: Lab) -> Iterator[None]:
    """Deployments stop before their switch meanwhile."""
    lab.sudo(f"touch /srv/{APP}/data/hold")
    try:
        yield
    finally:
        lab.sudo(f"rm -f /srv/{APP}/data/hold")


def waiters(lab: Lab) -> list[str]:
    """Who waits for a turn, by status."""
    found = lab.serving()["waiting"]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("newest", ["third", "second", "third"])
def test_one_that_waits_ends_with_its_workstation_and_the_newest_serves(lab: Lab, repo: Repo, newest: str) -> None:
    other = {"third": "second", "second": "third"}[newest]
    with held(lab):
        running = Request.deploy(lab, repo, "first").until("hook: before_switch")
        abandoned = Request.deploy(lab, repo, other).until("lock: waiting for the deployment of tester@desk")
        last = Request.deploy(lab, repo, newest).until("1 more ahead in the queue")
        assert len(waiters(lab)) == 2
        abandoned.lose()
        wait_for(lambda: len(waiters(lab)) == 1)
        # sudo ends a moment after the program that it runs.
        wait_for(lambda: not processes(lab, f"launchpad-agent deploy .*{repo.revisions[other]}"))
    assert (running.end(), last.end()) == (0, 0)
    assert lab.marker() == newest
    revisions = [entry["revision"] for entry in lab.history()[-2:]]
    assert revisions == [repo.revisions["first"], repo.revisions[newest]]


def test_those_that_wait_are_let_in_by_order_of_arrival(lab: Lab, repo: Repo) -> None:
    with held(lab):
        first = Request.deploy(lab, repo, "first").until("hook: before_switch")
        second = Request.deploy(lab, repo, "second").until("lock: waiting")
        third = Request.deploy(lab, repo, "third").until("1 more ahead in the queue")
        cancelled = lab.sudo(f"launchpad-agent cancel --app {APP}")
        assert "2 more wait and go on, in order: tester@desk" in cancelled
        assert cancelled.endswith("To end them too: launchpad cancel --all\n")
        assert first.end() == 1
    assert (second.end(), third.end()) == (0, 0)
    revisions = [entry["revision"] for entry in lab.history()[-3:]]
    assert revisions == [repo.revisions[marker] for marker in ("first", "second", "third")]
    assert lab.marker() == "third"


def test_cancel_ends_those_that_wait_too(lab: Lab, repo: Repo) -> None:
    before = lab.marker()
    with held(lab):
        first = Request.deploy(lab, repo, "first").until("hook: before_switch")
        second = Request.deploy(lab, repo, "second").until("lock: waiting")
        assert "Ended 1 that waited" in lab.sudo(f"launchpad-agent cancel --all --app {APP}")
        assert (first.end(), second.end()) == (1, 1)
    assert "Interrupted by SIGTERM while waiting for its turn. Nothing was done." in second.text
    assert lab.marker() == before
    assert "the lock is free" in lab.sudo(f"launchpad-agent cancel --app {APP}")


def test_no_other_user_can_hold_the_locks(lab: Lab, repo: Repo) -> None:
    assert repo.revisions
    assert lab.sudo("stat -c '%a %U' /run/launchpad").split() == ["700", "root"]
    assert lab.run(f"flock -n /run/launchpad/app-{APP}.lock true").code != 0
    # What others can make and hold, a Launchpad before this one locked; only what root made there counts.
    lab.run(f"flock /run/lock/launchpad-{APP}.lock sleep 30 >/dev/null 2>&1 & sleep 0.2")
    assert lab.deploy(repo, "base", lock_timeout=2).code == 0
    lab.sudo(f"rm -f /run/lock/launchpad-{APP}.lock")
    lab.sudo(f"systemd-run -q --collect --unit=former -p UMask=0077 flock /run/lock/launchpad-{APP}.lock sleep 100")
    wait_for(lambda: lab.run(f"sudo test -e /run/lock/launchpad-{APP}.lock").code == 0)
    assert lab.deploy(repo, "base", lock_timeout=1).code == 1
    lab.sudo("systemctl stop former")
    assert lab.deploy(repo, "base", lock_timeout=1).code == 0


def test_the_machine_is_not_prepared_under_a_deployment_and_two_apps_deploy_at_once(lab: Lab, repo: Repo) -> None:
    spec = {"schema": SCHEMA, "app": "other", "http_port": 8080}
    with held(lab):
        running = Request.deploy(lab, repo, "first").until("hook: before_switch")
        refused = lab.run("sudo launchpad-agent prepare", json.dumps({**spec, "lock_timeout": 1}))
        assert refused.code == 1
        assert "Something else on this machine is under way: the lock is held by tester@desk since" in refused.err
        prepared = [Request(lab, "prepare", json.dumps(spec))]
        prepared.append(Request(lab, "prepare", json.dumps({"schema": SCHEMA, "app": "more", "http_port": 8081})))
        for each in prepared:
            each.until("waiting for the machine, which is used by tester@")
    assert [each.end() for each in (running, *prepared)] == [0, 0, 0]
    with held(lab):
        running = Request.deploy(lab, repo, "second").until("hook: before_switch")
        other = lab.deploy(repo, "base", app="other")
        assert other.code == 0, other.err
        assert "lock: waiting" not in other.err
    assert running.end() == 0
    lab.sudo("systemd-run -q --collect --unit=busy flock /run/launchpad/machine.lock sleep 100")
    wait_for(lambda: lab.run("systemctl is-active busy").out.strip() == "active")
    assert "Preparing this machine is under way" in lab.deploy(repo, "base", lock_timeout=1).err
    lab.sudo("systemctl stop busy")
    ports = [lab.sudo(f"cat /etc/launchpad/{app}/app.json") for app in (APP, "other", "more")]
    assert len({json.loads(text)["blue"] for text in ports}) == 3


def test_killed_after_the_switch_a_rollback_goes_one_release_back_with_its_settings(lab: Lab, repo: Repo) -> None:
    assert lab.deploy(repo, "base", env={"COLOR": "old"}).code == 0
    repo.commit("killed", {HOOK: None, ".launchpad/hooks/after_switch": STUCK}, (".launchpad/hooks/after_switch",))
    running = Request.deploy(lab, repo, "killed", env={"COLOR": "new"}).until("hook: after_switch")
    wait_for(lambda: lab.run(f"sudo test -e /srv/{APP}/data/stuck").code == 0)
    lab.sudo(f"kill -9 {json.loads(lab.sudo(f'cat /run/launchpad/app-{APP}.lock'))['pid']}")
    running.end()
    assert lab.get()[1] == "killed new\n"
    (entry,) = [entry for entry in lab.history() if entry["revision"] == repo.revisions["killed"]]
    assert (entry["result"], entry["switched"], entry["serving"]) == ("interrupted", True, True)
    wait_for(lambda: not processes(lab, "systemd-run|hooks/after_switch"))
    deployments = cast(list[Deployment], lab.history())
    chosen = choose(deployments, "")
    assert (chosen, is_built(deployments, chosen)) == (repo.revisions["base"], True)
    done = lab.run(f"sudo launchpad-agent rollback --app {APP} --revision {chosen}")
    assert done.code == 0, done.err
    assert lab.get()[1] == "base old\n"
    again = lab.run(f"sudo launchpad-agent rollback --app {APP} --revision {repo.revisions['killed']}")
    assert again.data()["built"] is False
    assert lab.get()[1] == "killed new\n"


WORKER = """\
import os, pathlib, signal, time
out = pathlib.Path(os.environ["DATA_DIR"], "worker-" + pathlib.Path("marker").read_text().strip())
def stop(*_):
    time.sleep(float(os.environ.get("LINGER", "0")))
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
out.write_text(str(time.time()))
time.sleep(1000)
"""
DIES = "import time; time.sleep(0.6); raise SystemExit('no broker')"


def test_workers_restart_while_the_old_slot_drains_and_its_release_stays_meanwhile(
    lab: Lab, repo: Repo, tmp_path: Path
) -> None:
    assert repo.revisions
    app = Repo.of("flask", tmp_path / "workers")
    web = "web: gunicorn --workers 2 app:app\n"
    files: dict[str, str | None] = {"Procfile": f"{web}worker: python worker.py\n", "worker.py": WORKER}
    app.commit("jobs1", files)
    app.commit("jobs2", files)
    done = lab.deploy(app, "jobs1", env={"LINGER": "8"})
    assert done.code == 0, done.err
    slow = threading.Thread(target=lambda: lab.get("/slow/5.0"))
    slow.start()
    time.sleep(0.3)
    running = Request.deploy(lab, app, "jobs2", keep_releases=1).until("processes: restarting worker")
    drained = next(at for at, line in running.said if "switch: requests go to" in line)
    assert running.end() == 0, running.text
    slow.join()
    assert next(at for at, line in running.said if "restarting worker" in line) - drained < 2
    assert "worker: its old process is still finishing its work" in running.text
    first = app.revisions["jobs1"][:12]
    # The old worker still runs from its release, which therefore is there still, and goes with the next deployment.
    assert processes(lab, "worker.py")
    assert lab.run(f"sudo test -d /srv/{APP}/releases/{first}").code == 0
    wait_for(lambda: lab.run(f"sudo test -e /srv/{APP}/data/worker-jobs2").code == 0)
    app.commit("bad", {"Procfile": f'{web}worker: python worker.py\nbad: python -c "{DIES}"\n'})
    done = lab.deploy(app, "bad", keep_releases=1)
    (warning,) = done.data()["warnings"]
    assert warning.startswith("process bad is not running: activating (auto-restart)")
    assert "  no broker" in warning
    assert lab.run(f"sudo test -d /srv/{APP}/releases/{first}").code == 1
    again = lab.deploy(app, "bad", keep_releases=1)
    assert again.data()["changed"] is False
    assert "process bad is not running" in again.data()["warnings"][0]
    assert re.search(r"  bad .* and keeps ending", lab.sudo(f"launchpad-agent status --app {APP}"))


def test_a_process_that_writes_into_its_release_is_told_where_to(lab: Lab, repo: Repo, tmp_path: Path) -> None:
    assert repo.revisions
    app = Repo.of("flask", tmp_path / "writes")
    app.commit("writes", {"Procfile": "web: gunicorn app:app\nbeat: python -c \"open('celerybeat-schedule', 'w')\"\n"})
    (warning,) = lab.deploy(app, "writes").data()["warnings"]
    assert "The files of a release are read-only: start it with celery beat -s $DATA_DIR/schedule." in warning


def test_nothing_runs_on_without_its_reader_or_its_parent(lab: Lab, repo: Repo) -> None:
    follow = Request(lab, f"logs --app {APP} --follow --lines 1")
    wait_for(lambda: bool(processes(lab, "journalctl.*--follow")))
    follow.lose()
    wait_for(lambda: not processes(lab, "journalctl|launchpad-agent logs"))
    lab.sudo(
        "systemd-run -q --collect --unit=hangs python3 -c "
        "\"import socket, time; s = socket.create_server(('127.0.0.1', 8419)); time.sleep(1000)\""
    )
    url = {"kind": "url", "url": "http://127.0.0.1:8419/app.git"}
    fetching = Request(lab, f"deploy --app {APP} --revision {'1' * 40}", deploy_spec(source=url))
    wait_for(lambda: bool(processes(lab, "git-remote-http")))
    building = f"cat /run/launchpad/app-{APP}.lock"
    lab.sudo(f"kill -9 {json.loads(lab.sudo(building))['pid']}")
    fetching.end()
    wait_for(lambda: not processes(lab, "git "))
    lab.sudo("systemctl stop hangs")
    with held(lab):
        running = Request.deploy(lab, repo, "first").until("hook: before_switch")
        lab.sudo(f"kill -9 {json.loads(lab.sudo(building))['pid']}")
        running.end()
        wait_for(lambda: not processes(lab, "systemd-run|hooks/before_switch"))


LINGERS = """\
import http.server, os, signal, time
def stop(*_):
    time.sleep(15)
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def test_a_deployment_builds_while_the_slot_that_it_needs_still_stops(lab: Lab, repo: Repo, tmp_path: Path) -> None:
    assert repo.revisions
    app = Repo.of("flask", tmp_path / "lingers")
    for marker in ("stays1", "stays2", "stays3"):
        app.commit(marker, {"Procfile": "web: python lingers.py\n", "lingers.py": LINGERS})
    health = {"path": "/", "timeout": 20}
    for marker in ("stays1", "stays2"):
        done = lab.deploy(app, marker, health=health)
        assert done.code == 0, done.err
    running = Request.deploy(lab, app, "stays3", health=health).until("build: release")
    assert "waiting for the release that served from" not in running.text
    assert running.end() == 0, running.text
    assert "waiting for the release that served from" in running.text
    assert "stays3" in lab.get("/marker")[1]


def test_no_silence(lab: Lab, repo: Repo) -> None:
    repo.commit("quiet", {HOOK: sleeping(8), ".launchpad/hooks/after_switch": None}, executable=(HOOK,))
    asked = time.monotonic()
    running = Request.deploy(lab, repo, "quiet")
    assert running.end() == 0, running.text
    times = [asked, *(at for at, _ in running.said)]
    assert "hook: still running (" in running.text
    # A loaded computer may be late by some seconds; without the signs of life it is eight.
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) < 7.5
