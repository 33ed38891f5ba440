"""The processes of an app: how they stop, what they share, how many of them run."""

import re
import shlex
import time

import pytest

from tests.agent.lab import APP, Lab, Repo, begin_deployment, deploy_spec

CHILD = """\
import os, signal, sys, time
from pathlib import Path

name, data, asked = sys.argv[1], Path(os.environ["DATA_DIR"]), []

def stop(*_):
    asked.append(1)
    if len(asked) == 1:
        time.sleep(2)
        print("stopping", name, flush=True)
        (data / f"{name}.end").write_text(f"clean, asked {len(asked)} times")
        raise SystemExit

signal.signal(signal.SIGTERM, stop)
(data / f"{name}.begun").touch()
while True:
    print("working", flush=True)
    time.sleep(0.2)
"""
PARENT = """\
import signal, subprocess, sys
child = subprocess.Popen([sys.executable, "child.py", "owned"])
signal.signal(signal.SIGTERM, lambda *_: child.terminate())
child.wait()
"""
SCRIPT = "#!/bin/sh\npython child.py script\n"
HELPER = "#!/bin/sh\npython child.py helper &\nexec python child.py execed\n"
FORMS = {
    "plain": "python child.py plain",
    "prefixed": "exec python child.py prefixed",
    "pipe": "python child.py pipe 2>&1 | tee -a $DATA_DIR/pipe.log",
    "piped": "yes | python child.py piped",
    "chain": "cd . && python child.py chain && true",
    "variable": 'NAME=$OPTS sh -c \'test "$NAME" = "one two" && python child.py variable; true\'',
    "timed": "time python child.py timed",
    "scripts": "./start.sh",
    "both": "python child.py background & python child.py foreground",
    "helpers": "sh helper.sh",
    "server": "python parent.py",
}
NAMES = (
    *("plain", "prefixed", "pipe", "piped", "chain", "variable", "timed", "script", "background", "foreground"),
    *("helper", "execed", "owned"),
)
WEB = "web: echo web >/tmp/from-web; gunicorn --workers 1 app:app\n"
READER = "until test -f /tmp/from-web; do sleep 0.1; done; cat /tmp/from-* > $DATA_DIR/seen; exec sleep 100000"


SCORE = "systemd-analyze security --no-pager"
"""Prints how far units are open, from 0.0 to 10.0."""
OWN_SCORE = f'{SCORE} "$(grep -o -m 1 "launchpad-{APP}-.*service" /proc/self/cgroup)" | tail -n 1'
"""What a task asks about itself: its unit is gone when it ends."""
RELEASE = f"release: echo release >/tmp/from-release; {OWN_SCORE}\n"
HOOK = ".launchpad/hooks/before_build"


@pytest.fixture(scope="module")
def repo(lab: Lab, flask: Repo) -> Repo:
    """A release serves; its worker reads in /tmp what web and the release process wrote there."""
    procfile = f"{WEB}{RELEASE}worker: {READER}\ncron.yearly: @yearly true\n"
    flask.commit("shared", {"Procfile": procfile, HOOK: f"#!/bin/sh\n{OWN_SCORE}\n"}, executable=(HOOK,))
    done = lab.deploy(flask, "shared")
    done.data()
    (lab.folder / "told").write_text(done.err)
    return flask


def wait_for(lab: Lab, command: str, expected: str, seconds: float = 30) -> None:
    """Wait until a command on the machine prints what is expected."""
    until = time.monotonic() + seconds
    while (found := lab.run(f"sudo sh -c '{command}'").out) != expected:
        assert time.monotonic() < until, found
        time.sleep(0.3)


@pytest.mark.usefixtures("repo")
def test_all_processes_of_an_app_share_one_tmp_and_nobody_else_sees_it(lab: Lab) -> None:
    wait_for(lab, "cat /srv/app/data/seen", "release\nweb\n")
    run = f"sudo launchpad-agent run --app {APP} --"
    assert lab.run(f"{run} cat /tmp/from-web /var/tmp/from-release").out == "web\nrelease\n"
    assert lab.run("ls /tmp/from-web /var/tmp/from-web").code != 0
    assert lab.run("ls /srv/app/tmp").code != 0
    assert lab.sudo("stat -c '%a %U:%G' /srv/app/tmp") == "1770 root:app\n"
    # Root clears it at boot, whatever is in it.
    lab.sudo("sh -c 'mkdir -p /var/victim && touch /var/victim/file'")
    app = "setpriv --reuid=app --regid=app --clear-groups"
    lab.sudo(f"{app} sh -c 'cd /srv/app/tmp; ln -s /var/victim link; mkfifo fifo; mkdir -m 0 closed'")
    lab.sudo("systemd-tmpfiles --clean /etc/tmpfiles.d/launchpad-app.conf")
    assert lab.sudo("ls /srv/app/tmp").split() == ["closed", "fifo", "from-release", "from-web", "link"]
    lab.sudo("systemd-tmpfiles --create --remove --boot /etc/tmpfiles.d/launchpad-app.conf")
    assert lab.sudo("ls -A /srv/app/tmp /var/victim").split() == ["/srv/app/tmp:", "/var/victim:", "file"]


@pytest.mark.usefixtures("repo")
def test_the_sandbox_of_every_process_and_task_is_as_tight_as_the_manual_says(lab: Lab) -> None:
    units = [f"{APP}@{name}.service" for name in (lab.serving()["slot"], "worker")]
    shown = lab.sudo(f"{SCORE} {' '.join(units)} launchpad-{APP}.cron@yearly.service")
    scores = re.findall(r"Overall exposure level for (\S+): (\S+)", shown)
    run = lab.run(f"sudo launchpad-agent run --app {APP} -- {shlex.quote(OWN_SCORE)}")
    tasks = re.findall(r"Overall exposure level for (\S+): (\S+)", (lab.folder / "told").read_text() + run.out)
    assert [name.split(".")[0] for name, _ in tasks] == [*[f"launchpad-{APP}-task"] * 2, f"launchpad-{APP}-run"]
    assert len(scores) == 3
    assert [(name, score) for name, score in [*scores, *tasks] if float(score) > 1.5] == []


def test_every_process_is_asked_to_stop_whatever_started_it(lab: Lab, repo: Repo) -> None:
    lines = "".join(f"{name}: {command}\n" for name, command in FORMS.items())
    files = {"child.py": CHILD, "parent.py": PARENT, "start.sh": SCRIPT, "helper.sh": HELPER}
    repo.commit("forms", {"Procfile": WEB + lines, **files}, executable=("start.sh",))
    done = lab.deploy(repo, "forms", env={"OPTS": "one two"})
    assert "warnings" not in done.data(), done.err
    wait_for(lab, "cd /srv/app/data && ls *.begun | wc -l", f"{len(NAMES)}\n")
    lab.deploy(repo, "shared").data()
    expected = "".join(f"{name}.end: clean, asked 1 times\n" for name in sorted(NAMES))
    wait_for(lab, 'cd /srv/app/data && for each in *.end; do echo "$each: $(cat $each)"; done', expected)
    assert "stopping pipe" in lab.sudo("cat /srv/app/data/pipe.log")
    assert "now killed" not in lab.sudo(f"launchpad-agent logs --app {APP} --lines 1000")


SLEEPER = "exec sleep 100000"
COUNTED = f'echo "$LAUNCHPAD_PROCESS $LAUNCHPAD_PROCESS_NUMBER"; {SLEEPER}'


def pids(lab: Lab) -> dict[str, int]:
    """The main process of each process that is not web, by instance, once none is stopping any more."""
    until = time.monotonic() + 30
    found = lab.serving()["processes"]
    while any(each["state"] == "deactivating" for each in found.values()):
        assert time.monotonic() < until, found
        time.sleep(0.2)
        found = lab.serving()["processes"]
    return {name: each["pid"] for name, each in found.items() if each["pid"] and name not in ("blue", "green")}


@pytest.fixture(scope="module")
def counted(repo: Repo) -> Repo:
    """The revision counted has two processes beside web, named as others are in another place."""
    repo.commit("counted", {"Procfile": f"web: gunicorn --workers 1 app:app\nworker-2: {SLEEPER}\nblue: {SLEEPER}\n"})
    return repo


def test_a_process_runs_as_often_as_the_settings_say(lab: Lab, counted: Repo) -> None:
    repo = counted
    worker = {"name": "worker", "command": COUNTED, "count": 3}
    done = lab.deploy(repo, "counted", processes=[worker, {"name": "blue", "count": 2}])
    assert "warnings" not in done.data(), done.err
    before = pids(lab)
    assert list(before) == ["process.blue", "process.blue.2", "worker", "worker.2", "worker.3", "worker-2"]
    logged = lab.sudo(f"launchpad-agent logs --app {APP} --process worker")
    assert all(f"worker {number}\n" in logged for number in (1, 2, 3))
    assert "worker 3" not in lab.sudo(f"launchpad-agent logs --app {APP} --process worker.2")

    # A changed count starts or stops just what it is about; a rename takes one for the other.
    fewer = [{**worker, "count": 2}, {"name": "blue", "count": 2}]
    done = lab.deploy(repo, "counted", processes=fewer)
    assert "stopping worker.3, of worker, 2 are to run" in done.err
    wait_for(lab, "systemctl is-active app@worker.3.service", "inactive\n")
    assert pids(lab) == {name: pid for name, pid in before.items() if name != "worker.3"}, done.err
    done = lab.deploy(repo, "counted", processes=fewer)
    assert done.data()["changed"] is False, done.err
    lab.sudo(f"launchpad-agent restart --app {APP} --process worker.2")
    lab.sudo(f"launchpad-agent restart --app {APP} --process blue")
    changed = {name for name, pid in pids(lab).items() if before[name] != pid}
    assert changed == {"worker.2", "process.blue", "process.blue.2"}
    done = lab.deploy(repo, "counted", processes=[{**worker, "name": "worker-2"}, {"name": "blue", "disabled": True}])
    assert done.code == 0, done.err
    wait_for(lab, "systemctl is-active app@worker.service app@process.blue.2.service", "inactive\ninactive\n")
    assert list(pids(lab)) == ["worker-2", "worker-2.2", "worker-2.3"]


def test_memory_and_time_to_stop_are_limited_for_each_process(lab: Lab, counted: Repo) -> None:
    repo = counted
    worker = {"name": "worker", "command": SLEEPER, "count": 2}
    lab.deploy(repo, "counted", processes=[worker]).data()
    before, slot = pids(lab), lab.serving()["slot"]
    limited = {**worker, "memory": "32M", "stop_timeout": "10m"}
    done = lab.deploy(repo, "counted", processes=[limited])
    shown = "systemctl show --property=MemoryMax --property=TimeoutStopUSec"
    assert lab.sudo(f"{shown} app@worker.2.service") == "TimeoutStopUSec=10min 10s\nMemoryMax=33554432\n"
    assert lab.sudo(f"{shown} app@{slot}.service") == "TimeoutStopUSec=40s\nMemoryMax=infinity\n"
    after = pids(lab)
    assert after["worker-2"] == before["worker-2"]
    assert after["worker"] != before["worker"]
    assert lab.serving()["slot"] == slot
    if "memory" not in lab.sudo("cat /sys/fs/cgroup/cgroup.controllers").split():
        assert (
            "launchpad:processes.worker.memory: has no effect, as this machine's kernel" in done.data()["warnings"][0]
        )
    # The time to stop counts at once, without a restart.
    lab.deploy(repo, "counted", processes=[{**limited, "stop_timeout": "20s"}])
    assert lab.sudo(f"{shown} app@worker.2.service") == "TimeoutStopUSec=30s\nMemoryMax=33554432\n"
    assert pids(lab) == after
    # A web process with a limit goes through the gate, as with any changed setting.
    lab.deploy(repo, "counted", processes=[{"name": "web", "memory": "300M"}]).data()
    assert lab.serving()["slot"] != slot
    assert lab.sudo(f"{shown} app@{lab.serving()['slot']}.service").endswith("MemoryMax=314572800\n")
    # Without a Procfile, too.
    repo.commit("bare", {"Procfile": None})
    keys = [
        {"name": "release", "command": "exec echo migrated $LAUNCHPAD_REVISION on $HOST", "memory": "200M"},
        {"name": "worker", "command": COUNTED},
    ]
    # Case 35: HOST is the database's for every process but web, which has to listen on loopback.
    web, own = "exec gunicorn --workers 1 --bind $HOST:$PORT app:app", {"HOST": "db.example.org"}
    done = lab.deploy(repo, "bare", command=web, processes=keys, env=own)
    assert f"migrated {repo.revisions['bare']} on db.example.org" in done.err
    assert lab.run("ls -d /etc/systemd/system/app@worker.2.service.d").code != 0
    assert (lab.marker(), list(pids(lab))) == ("bare", ["worker"])
    refused = lab.deploy(repo, "counted", processes=[{"name": "wroker", "count": 2}])
    assert "launchpad:processes.wroker says how wroker runs, but nothing says what it is" in refused.err


LOCKED = "exec 9>/tmp/lock; flock -n 9 || { echo another instance is already running; exit 1; }; gunicorn -w 1 app:app"
RECREATE = {"strategy": "recreate"}


def test_an_app_that_cannot_run_twice(lab: Lab, repo: Repo) -> None:
    for marker in ("locked-1", "locked-2"):
        repo.commit(marker, {"Procfile": f"web: {LOCKED}\nworker: {SLEEPER}\n"})
    repo.commit("slow", {"Procfile": f"web: sleep 3; exit 1\nworker: {SLEEPER}\n"})
    repo.commit("slower", {"Procfile": f"web: sleep 60\nworker: {SLEEPER}\n"})
    first = lab.deploy(repo, "locked-1").data()["release"]
    refused = lab.deploy(repo, "locked-2")
    assert refused.code == 1
    assert f"The release that serves ({first}) may have what it found taken: another instance is already" in refused.err
    assert "set launchpad:release_strategy to recreate" in refused.err
    assert lab.marker() == "locked-1"

    done = lab.deploy(repo, "locked-2", **RECREATE)
    assert f"stop: stopping {first} first" in done.err
    second = done.data()["release"]
    assert (lab.marker(), list(pids(lab))) == ("locked-2", ["worker"])
    assert lab.deploy(repo, "locked-2", **RECREATE).data()["changed"] is False
    lab.run(f"sudo launchpad-agent restart --app {APP}").data()

    # A release that does not come up: the proxy says so meanwhile, and the old one is back.
    lab.push(repo, repo.revisions["slow"])
    deployment = begin_deployment(lab, repo.revisions["slow"], deploy_spec(**RECREATE), "start: ")
    answers = set()
    while deployment.poll() is None:
        answers.add(lab.get())
        time.sleep(0.2)
    assert (503, "The next release of app is starting.") in answers
    assert {status for status, _ in answers} <= {200, 503}
    assert deployment.stderr is not None
    assert f"was not switched to; {second} was started again and is serving." in deployment.stderr.read()
    assert (lab.marker(), list(pids(lab))) == ("locked-2", ["worker"])

    # A deployment that is killed while nothing runs: the next one starts what was stopped.
    lab.push(repo, repo.revisions["slower"])
    deployment = begin_deployment(lab, repo.revisions["slower"], deploy_spec(**RECREATE), "start: ")
    lab.sudo("sh -c 'kill -9 $(pgrep -f \"[l]aunchpad-agent deploy\")'")
    deployment.wait()
    assert lab.get()[0] == 503
    assert lab.serving()["release"] is None
    healed = lab.deploy(repo, "locked-2", **RECREATE)
    assert "which an interrupted deployment had stopped" in healed.err
    assert healed.data()["release"] == second
    assert (lab.marker(), list(pids(lab))) == ("locked-2", ["worker"])
