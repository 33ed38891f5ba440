"""The log of an app on a real machine: by process, release, time and pattern, without secrets."""

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.agent.lab import APP, USER, Lab, Repo

SECRET = "tea-for-two-4711"
LOGS = f"sudo launchpad-agent logs --app {APP}"
PROCFILE = """\
web: gunicorn --workers 1 app:app
worker: python -c 'import os, signal, sys, time; signal.signal(15, lambda *_: sys.exit("worker ends " + release)); release = open("marker").read().strip(); print("worker begins", release, os.environ["KEY"], "\\033[31mred", flush=True); time.sleep(1000)'
"""


@pytest.fixture(scope="module")
def repo(lab: Lab, flask: Repo) -> Iterator[Repo]:
    """Three revisions with a worker; the first served and the second does."""
    for marker in ("first", "second", "third"):
        flask.commit(marker, {"Procfile": PROCFILE})
    for marker in ("first", "second"):
        lab.deploy(flask, marker, secrets={"KEY": SECRET}).data()
    yield flask


def lines(lab: Lab, options: str) -> list[str]:
    lab.sudo("journalctl --sync")
    return lab.sudo(f"launchpad-agent logs --app {APP} {options}").splitlines()


def wait_for_lines(lab: Lab, options: str) -> list[str]:
    """The lines, once there are some."""
    until = time.monotonic() + 30
    while not (found := lines(lab, options)):
        assert time.monotonic() < until, f"no lines: {options}"
        time.sleep(0.2)
    return found


def entries(lab: Lab, options: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(lab, f"--json {options}")]


def test_a_line_is_masked_printable_and_of_its_release(lab: Lab, repo: Repo) -> None:
    found = lines(lab, "--process worker --grep 'worker begins'")
    assert [line.split(": ", 1)[1] for line in found] == [
        "worker begins first [secret] red",
        "worker begins second [secret] red",
    ]
    assert "app-worker[" in found[0]
    (entry,) = entries(lab, f"--grep 'worker begins' --release {repo.revisions['second'][:9]}")
    assert entry["message"] == "worker begins second [secret] red"
    assert (entry["process"], entry["release"]) == ("worker", lab.serving()["release"])
    assert entry["unit"] == "app@worker.service"


def test_what_a_process_writes_while_it_stops_is_of_its_own_release(lab: Lab, repo: Repo) -> None:
    first = repo.revisions["first"][:12]
    messages = [entry["message"] for entry in entries(lab, f"--release {first}")]
    assert "worker begins first [secret] red" in messages
    assert "worker ends first" in messages
    assert not [message for message in messages if "second" in message]
    assert {entry["process"] for entry in entries(lab, f"--release {first}")} == {"web", "worker"}


@pytest.mark.usefixtures("repo")
def test_the_last_lines_of_those_that_match_are_shown(lab: Lab) -> None:
    lab.run(f"sudo launchpad-agent run --app {APP} --detach -- 'for i in 1 2 3 4 5; do echo count $i $KEY; done'")
    wait_for_lines(lab, "--process run --grep 'count 5'")
    assert [line.rsplit(": ", 1)[1] for line in lines(lab, "--process run --grep count --lines 2")] == [
        "count 4 [secret]",
        "count 5 [secret]",
    ]
    number = max(entry["number"] for entry in lab.history() if entry["kind"] == "run")
    (entry,) = entries(lab, f"--process run.{number} --grep 'count 3'")
    assert (entry["process"], entry["release"]) == (f"run.{number}", lab.serving()["release"])
    assert lines(lab, "--grep tea-for-two") == [], "what is masked can be found"


@pytest.mark.usefixtures("repo")
def test_the_log_of_runs_has_what_they_wrote_and_nothing_of_systemd(lab: Lab) -> None:
    name = lab.run(f"sudo launchpad-agent run --app {APP} --detach -- 'echo said by the command; exit 3'").out.strip()
    found = wait_for_lines(lab, f"--process {name}")
    assert [line.rsplit(": ", 1)[1] for line in found] == ["said by the command"]
    assert "said by the command" in lines(lab, "--process run --lines 1")[0]
    assert any("systemd" in line and name in line for line in lines(lab, "--since 5s")), "the whole log has all"


@pytest.mark.usefixtures("repo")
def test_since_leaves_out_what_is_older(lab: Lab) -> None:
    time.sleep(3)
    assert lines(lab, "--since 2s --process worker --grep begins") == []
    assert len(lines(lab, "--since 1h --process worker --grep begins")) == 2
    assert len(lines(lab, "--since '1 hour ago' --process worker --grep begins")) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--process nosuch", "There is no process nosuch; there are web, proxy, worker, run."),
        ("--process run.999", "There is no process run.999; there are web, proxy, worker, run."),
        (
            "--process release",
            "The log has no lines of release: a deployment shows its output itself (in the output of launchpad up). "
            "The log has web, proxy, worker, run.",
        ),
        ("--release ffff", "--release is ffff, and nothing in the log is of such a release; there are: "),
        ("--grep '('", "--grep is '(', which is no regular expression: "),
        ("--since soon", "--since is 'soon', which is no time. Use how long ago (10m, 2h, 1d"),
        ("--lines -1", "--lines is -1; it must be 0 or more"),
    ],
)
@pytest.mark.usefixtures("repo")
def test_what_there_is_not_is_told_with_what_there_is(lab: Lab, options: str, message: str) -> None:
    done = lab.run(f"{LOGS} {options}")
    assert (done.code, done.out) == (1, "")
    assert message in done.err


def test_following_goes_on_with_new_lines_that_match(lab: Lab, repo: Repo) -> None:
    words = [*lab.ssh_words, f"{USER}@{lab.address}", f"{LOGS} --follow --lines 1 --grep 'worker begins'"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as follower:
        assert follower.stdout is not None
        assert "worker begins second" in follower.stdout.readline()
        lab.deploy(repo, "third", secrets={"KEY": SECRET}).data()
        assert "worker begins third" in follower.stdout.readline()
        follower.terminate()
