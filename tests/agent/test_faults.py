"""Faults around a deployment, made for real: what a person reads, that the site serves, and what heals (docs/faults.md)."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import pytest

from cli.history import Deployment, choose
from infra.machines.embedded import client, container
from infra.machines.embedded.requests import Inspect
from tests.agent.lab import APP, Done, Lab, Repo, begin_deployment, deploy_spec
from tests.agent.test_interrupted import SLEEP, Visitor
from tests.network import CUT, fault, lose

SILENT = 8419
"""A port of the machine's own where connections are taken and nothing is ever said."""
SERVER = f"import socket, time; s = socket.create_server(('127.0.0.1', {SILENT})); time.sleep(1000)"
HOOKS = ("before_build", "before_switch")
FAILS_WHERE_BROKEN = """\
import os, pathlib
if pathlib.Path(os.environ["DATA_DIR"], "broken").exists():
    raise RuntimeError("the database is away")
"""
FILL = """\
#!/bin/sh
cd "$DATA_DIR"
fallocate -l $(($(df --output=avail -B1 . | tail -1) - 1000000)) fill
dd if=/dev/zero of=rest bs=4k 2>/dev/null
n=0; while echo x >"small$n"; do n=$((n + 1)); done 2>/dev/null
exit 0
"""
CLOCK = """\
import runpy, sys, time
right = time.time
time.time = lambda: right() + {}
sys.argv = {}
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs the agent with a clock that is wrong by so many seconds: a container has no clock of its own."""


@pytest.fixture(scope="module")
def repo(lab: Lab, flask: Repo) -> Iterator[Repo]:
    """The first revision serves, and next to it a server that never answers."""
    lab.deploy(flask, "one").data()
    lab.sudo(f"systemd-run -q --collect --unit=silent python3 -c {shlex.quote(SERVER)}")
    wait_for(lambda: lab.run(f"ss -Hltn sport = :{SILENT}").out != "")
    yield flask


def wait_for(condition: Callable[[], bool], limit: float = 120) -> None:
    """Wait for a condition."""
    until = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.1)


@contextmanager
def served(lab: Lab) -> Iterator[None]:
    """A visitor gets every page meanwhile."""
    with Visitor(lab) as visitor:
        yield
        wait_for(lambda: visitor.count > 5)
    assert visitor.wrong == []


def hooked(repo: Repo, marker: str, hooks: dict[str, str]) -> str:
    """Commit a revision with just these hooks."""
    every: dict[str, str | None] = {f".launchpad/hooks/{name}": hooks.get(name) for name in HOOKS}
    there = {path: text for path, text in every.items() if text or (repo.path / path).exists()}
    repo.commit(marker, there, executable=tuple(path for path, text in there.items() if text))
    return marker


def heals(lab: Lab, repo: Repo, marker: str) -> None:
    """The next deployment succeeds, and its revision serves."""
    done = lab.deploy(repo, marker)
    assert done.code == 0, done.err
    assert lab.marker() == marker


def says(done: Done, *texts: str) -> None:
    """A failure that names its cause, and no defect."""
    assert done.code == 1, done.err
    assert [text for text in texts if text not in done.err] == [], done.err
    assert "Traceback" not in done.err
    assert "a defect in launchpad-agent" not in done.err


@pytest.mark.parametrize(
    ("port", "reason"),
    [(9, "Could not connect to 127.0.0.1:9"), (SILENT, f"Connection failed [IP: 127.0.0.1 {SILENT}]")],
)
def test_a_package_mirror_out_of_reach_is_named(lab: Lab, repo: Repo, port: int, reason: str) -> None:
    source = f"deb [trusted=yes] http://127.0.0.1:{port}/debian trixie main"
    impatient = 'Acquire::http::Timeout "2"; Acquire::Retries "0";'
    lab.sudo(
        "sh -c 'cp -a /etc/apt /etc/apt.before; rm -rf /etc/apt/sources.list.d/*; "
        f'echo "{source}" >/etc/apt/sources.list; find /var/lib/apt/lists -maxdepth 1 -type f -delete\''
    )
    lab.sudo("tee /etc/apt/apt.conf.d/99impatient", impatient)
    with served(lab):
        done = lab.prepare(packages=["tree"])
        lab.sudo("sh -c 'rm -rf /etc/apt; mv /etc/apt.before /etc/apt'")
    says(done, "Installing tree failed:", "is the package mirror in reach of the machine?", reason)
    assert lab.prepare().code == 0
    heals(lab, repo, "one")


def test_a_package_index_that_says_nothing_is_named(lab: Lab, repo: Repo) -> None:
    url = f"http://127.0.0.1:{SILENT}/simple"
    with served(lab):
        slow = {"UV_DEFAULT_INDEX": url, "UV_HTTP_TIMEOUT": "2", "UV_HTTP_RETRIES": "0"}
        done = lab.deploy(repo, "two", env=slow)
    says(done, f"Failed to fetch: {url}", "operation timed out")
    heals(lab, repo, "two")


def test_a_git_server_that_says_nothing_is_given_up(lab: Lab, repo: Repo) -> None:
    module = lab.run("echo /usr/local/lib/launchpad/agent-*/infra/agent/build/repository.py").out.strip()
    assert lab.sudo(f"grep -c '^SILENCE = 60$' {module}") == "1\n"
    lab.sudo(f"sed -i 's/^SILENCE = 60$/SILENCE = 2/' {module}")
    url = f"http://127.0.0.1:{SILENT}/app.git"
    spec = deploy_spec(source={"kind": "url", "url": url})
    with served(lab):
        done = lab.run(f"sudo launchpad-agent deploy --app {APP} --revision {'1' * 40}", spec)
    lab.sudo(f"sed -i 's/^SILENCE = 2$/SILENCE = 60/' {module}")
    says(done, f"Cannot fetch from {url}", "Operation too slow", "accepts the connection and then sends nothing")
    heals(lab, repo, "two")


def test_a_clock_that_is_wrong_by_a_day_changes_no_order(lab: Lab, repo: Repo) -> None:
    heals(lab, repo, "one")
    revision = repo.revisions["two"]
    command = f"/usr/local/bin/launchpad-agent deploy --app {APP} --revision {revision}"
    lab.push(repo, revision)
    with served(lab):
        done = lab.run(f"sudo python3 -I -c {shlex.quote(CLOCK.format(86400, command.split()))}", deploy_spec())
        assert done.code == 0, done.err
        assert lab.marker() == "two"
        heals(lab, repo, hooked(repo, "right-again", {}))
    deployments = lab.history()
    assert deployments[-2]["when"] > deployments[-1]["when"] + 80000
    assert choose(cast(list[Deployment], deployments), "") == revision
    assert "right-again" in lab.sudo(f"launchpad-agent releases --app {APP}").splitlines()[1]


def test_a_disk_that_is_full_at_the_switch_costs_no_request(lab: Lab, repo: Repo) -> None:
    before = lab.marker()
    marker = hooked(repo, "filled", {"before_switch": FILL})
    with served(lab):
        done = lab.deploy(repo, marker)
        assert int(lab.sudo("df --output=avail -B1 /srv").split()[1]) < 100_000
        # It depends on the last bytes whether the switch, or what is written after it, still finds room.
        if done.code:
            says(done, "disk is full")
        assert lab.marker() in ((before, marker) if done.code else (marker,))
        refused = lab.prepare()
    says(refused, "The disk is nearly full: ", "Raise launchpad:embedded.disk or launchpad:ec2.disk")
    lab.sudo(f"find /srv/{APP}/data -type f -delete")
    heals(lab, repo, marker)
    heals(lab, repo, hooked(repo, "emptied", {}))


def test_a_proxy_that_is_killed_comes_back_by_itself_and_its_damaged_file_is_written_anew(lab: Lab, repo: Repo) -> None:
    heals(lab, repo, "one")
    lab.sudo("systemctl kill --signal=KILL launchpad-proxy")
    wait_for(lambda: answers(lab))
    assert lab.marker() == "one"
    lab.sudo("sh -c 'echo garbage{ >/etc/launchpad/proxy/Caddyfile; systemctl kill --signal=KILL launchpad-proxy'")
    wait_for(lambda: not answers(lab))
    assert lab.run(f"sudo launchpad-agent restart --app {APP}").code == 0
    assert lab.marker() == "one"
    assert "garbage" not in lab.sudo("cat /etc/launchpad/proxy/Caddyfile")


def answers(lab: Lab) -> bool:
    """Whether a visitor gets a page."""
    try:
        return lab.get()[0] == 200
    except OSError:
        return False


def test_a_process_that_the_kernel_kills_is_started_anew_and_status_says_so(lab: Lab, repo: Repo) -> None:
    assert repo.revisions
    slot = f"{APP}@{lab.serving()['slot']}"
    before = lab.sudo(f"systemctl show --property=MainPID --value {slot}")
    lab.sudo(f"systemctl kill --signal=KILL {slot}")
    wait_for(lambda: lab.sudo(f"systemctl show --property=MainPID --value {slot}") not in (before, "0\n"))
    wait_for(lambda: answers(lab))
    assert "restarted 1 times" in lab.sudo(f"launchpad-agent status --app {APP}")


def test_a_crash_loop_is_told_of_and_ends_with_its_cause(lab: Lab, repo: Repo) -> None:
    code = (repo.path / "app.py").read_text()
    repo.commit("fragile", {"app.py": FAILS_WHERE_BROKEN + code})
    heals(lab, repo, "fragile")
    lab.sudo(f"touch /srv/{APP}/data/broken")
    lab.sudo(f"systemctl kill --signal=KILL {APP}@{lab.serving()['slot']}")
    wait_for(lambda: "RuntimeError: the database is away" in lab.sudo(f"launchpad-agent logs --app {APP}"))
    wait_for(lambda: "keeps ending" in lab.sudo(f"launchpad-agent status --app {APP}"))
    done = lab.deploy(repo, "fragile", health={"path": "/healthz", "timeout": 6})
    says(done, "RuntimeError: the database is away")
    lab.sudo(f"rm /srv/{APP}/data/broken")
    wait_for(lambda: answers(lab))
    assert lab.marker() == "fragile"
    repo.commit("sound", {"app.py": code})
    heals(lab, repo, "sound")


@pytest.mark.parametrize("what", [CUT, lose(30)], ids=["cut", "30 percent lost"])
def test_a_bad_network_during_build_and_switch_only_delays_what_is_said(lab: Lab, repo: Repo, what: str) -> None:
    marker = hooked(repo, f"{'cut' if what == CUT else 'lossy'}", dict.fromkeys(HOOKS, SLEEP))
    lab.push(repo, repo.revisions[marker])
    with served(lab):
        process = begin_deployment(lab, repo.revisions[marker], deploy_spec(), "hook: before_build")
        with fault(lab.name, what):
            wait_for(lambda: lab.marker() == marker)
        assert process.wait(120) == 0
        assert process.stderr is not None
        assert "done: " in process.stderr.read()
    heals(lab, repo, marker)


def test_an_ssh_daemon_that_is_restarted_ends_no_deployment(lab: Lab, repo: Repo) -> None:
    marker = hooked(repo, "restarted", {"before_switch": SLEEP})
    lab.push(repo, repo.revisions[marker])
    with served(lab):
        process = begin_deployment(lab, repo.revisions[marker], deploy_spec(), "hook: before_switch")
        lab.sudo("systemctl restart ssh")
        assert process.wait(120) == 0
    heals(lab, repo, marker)


@pytest.mark.parametrize("phase", [*HOOKS, "switch"])
def test_a_machine_that_dies_under_a_deployment_serves_after_its_start_and_heals(
    lab: Lab, repo: Repo, phase: str
) -> None:
    before = lab.marker()
    marker = hooked(repo, f"died-{phase}", {} if phase == "switch" else {phase: SLEEP})
    lab.push(repo, repo.revisions[marker])
    slow = subprocess.Popen(["curl", "-s", f"http://{lab.address}/slow/8.0"]) if phase == "switch" else None
    until = "switch: requests go to" if phase == "switch" else f"hook: {phase}"
    process = begin_deployment(lab, repo.revisions[marker], deploy_spec(), until)
    kill(lab)
    assert process.wait(120) == 255
    if slow:
        slow.wait(60)
    lab.power_on()
    wait_for(lambda: answers(lab))
    assert lab.marker() == (marker if phase == "switch" else before)
    heals(lab, repo, marker)
    assert lab.history()[-1]["result"] == "ok"


def kill(lab: Lab) -> None:
    """The machine dies as by a power cut: its process 1 is killed, and with it the kernel kills every other."""
    record = [*client.privilege(), "cat", str(client.machines() / lab.name / "machine.json")]
    pid = int(json.loads(subprocess.check_output(record))["pid"])
    pids = [str(each) for each in (*container.children(pid), pid)]
    subprocess.run([*client.privilege(), "kill", "-KILL", *pids], check=True)
    subprocess.run([*lab.ssh_words, "-O", "exit", lab.address], capture_output=True, check=False)
    wait_for(lambda: client.ask(Inspect(lab.name)).state == "stopped")


def test_a_machine_of_a_newer_launchpad_is_left_alone_and_read(lab: Lab, repo: Repo) -> None:
    before = lab.marker()
    known = json.loads(lab.sudo("cat /var/lib/launchpad/format.json"))["format"]
    lab.sudo("tee /var/lib/launchpad/format.json", json.dumps({"format": known + 1}))
    refusal = (
        f"error: A newer Launchpad has prepared this machine (its format is {known + 1}, this version knows {known})"
    )
    with served(lab):
        says(lab.prepare(), refusal, "Nothing was changed. Update this clone of Launchpad (git pull, make setup)")
        spec = deploy_spec()
        says(lab.run(f"sudo launchpad-agent deploy --app {APP} --revision {repo.revisions['one']}", spec), refusal)
        says(lab.run(f"sudo launchpad-agent rollback --app {APP} --revision {repo.revisions['one']}"), refusal)
        says(lab.run(f"sudo launchpad-agent remove --app {APP}"), refusal)
        assert lab.serving()["release"]
    assert lab.marker() == before
    # And the other way round: what an earlier version left without a number gets the one of this version.
    lab.sudo("rm /var/lib/launchpad/format.json")
    assert lab.prepare().code == 0
    assert json.loads(lab.sudo("cat /var/lib/launchpad/format.json")) == {"format": known}
    heals(lab, repo, "one")
