"""Whatever is killed and whenever: the site serves throughout, and the next deployment heals."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator

import pytest

from tests.agent.lab import APP, Lab, Repo, begin_deployment, deploy_spec

SLEEP = "#!/bin/sh\nsleep 4\n"
PHASES = {
    "in build": ({".launchpad/hooks/before_build": SLEEP}, "hook: before_build"),
    "before the switch": ({".launchpad/hooks/before_switch": SLEEP}, "hook: before_switch"),
    "in drain": ({}, "switch: requests go to"),
    "after the switch": ({".launchpad/hooks/after_switch": SLEEP}, "hook: after_switch"),
}


class Visitor:
    """Asks the site all the time and keeps every answer that is not from a revision."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.wrong: list[str] = []
        self.count = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                status, body = self.lab.get()
                if status != 200:
                    self.wrong.append(f"{status} {body}")
            except OSError as error:
                self.wrong.append(repr(error))
            self.count += 1
            time.sleep(0.02)

    def __enter__(self) -> "Visitor":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture(scope="module")
def repo(lab: Lab, flask: Repo) -> Iterator[Repo]:
    """The first revision serves."""
    lab.deploy(flask, "one").data()
    yield flask


def begin(lab: Lab, repo: Repo, marker: str, until: str) -> subprocess.Popen[str]:
    """Push, start a deployment and wait until it says something."""
    lab.push(repo, repo.revisions[marker])
    return begin_deployment(lab, repo.revisions[marker], deploy_spec(), until)


def revision_of(repo: Repo, phase: str, way: str) -> str:
    """A commit that stops for a while in one phase."""
    files, _ = PHASES[phase]
    every: dict[str, str | None] = {
        f".launchpad/hooks/{name}": None for name in ("before_build", "before_switch", "after_switch")
    }
    there = {name: text for name, text in every.items() if (repo.path / name).exists()}
    marker = f"{phase}-{way}".replace(" ", "-")
    repo.commit(marker, {**there, **files}, executable=tuple(files))
    return marker


@pytest.mark.parametrize("way", ["kill", "connection"])
@pytest.mark.parametrize("phase", PHASES)
def test_interrupted(lab: Lab, repo: Repo, phase: str, way: str) -> None:
    before = lab.marker()
    marker = revision_of(repo, phase, way)
    with Visitor(lab) as visitor:
        slow_answers: list[tuple[int, str]] = []
        slow = threading.Thread(target=lambda: slow_answers.append(lab.get("/slow/6.0")))
        if phase == "in drain":
            slow.start()
            time.sleep(0.3)
        process = begin(lab, repo, marker, PHASES[phase][1])
        if way == "kill":
            holder = json.loads(lab.sudo(f"cat /run/launchpad/app-{APP}.lock"))
            lab.sudo(f"kill -9 {holder['pid']}")
            process.wait()
        else:
            process.kill()
            process.wait()
        assert lab.marker() == (before if phase in ("in build", "before the switch") else marker)
        done = lab.deploy(repo, marker)
        assert done.code == 0, done.err
        result = done.data()
        if phase == "in drain":
            slow.join()
            assert slow_answers == [(200, f"{before}\n")]
        if way == "kill":
            assert "lock: taking over the lock: its owner (tester@desk since" in done.err
            assert result["changed"] is True
        else:
            assert "lock: waiting for the deployment of tester@desk since" in done.err
            assert result["changed"] is False
    assert visitor.wrong == []
    assert visitor.count > 20
    assert lab.marker() == marker
    entries = [entry for entry in lab.history() if entry["revision"] == repo.revisions[marker]]
    assert [entry["result"] for entry in entries] == (["interrupted", "ok"] if way == "kill" else ["ok"])
    status = lab.serving()
    other = "green" if status["slot"] == "blue" else "blue"
    assert status["processes"].get(other, {"state": "inactive"})["state"] in ("inactive", "deactivating")


def test_asked_to_stop_before_the_switch(lab: Lab, repo: Repo) -> None:
    before = lab.marker()
    marker = revision_of(repo, "before the switch", "cancel")
    process = begin(lab, repo, marker, PHASES["before the switch"][1])
    said = lab.sudo(f"launchpad-agent cancel --app {APP}")
    assert said.startswith("Asked the deployment of tester@desk since ")
    assert process.stderr is not None
    rest = process.stderr.read()
    assert process.wait() == 1
    assert "error: Interrupted by SIGTERM before the switch. The previous release is still serving." in rest
    assert lab.marker() == before
    assert lab.history()[-1]["result"] == "interrupted"


def test_the_second_waits_and_then_says_whose_the_lock_is(lab: Lab, repo: Repo) -> None:
    marker = revision_of(repo, "before the switch", "lock")
    first = begin(lab, repo, marker, PHASES["before the switch"][1])
    second = lab.deploy(repo, "one", lock_timeout=1)
    assert second.code == 1
    assert "error: Another deployment of app is under way: the lock is held by tester@desk since 20" in second.err
    assert f"for main at {repo.revisions[marker][:12]}, process " in second.err
    assert "Waited 1 s for it." in second.err
    assert "under way" in lab.sudo(f"launchpad-agent releases --app {APP}").splitlines()[1]
    third = lab.deploy(repo, "one", lock_timeout=60)
    assert first.wait() == 0
    assert third.data()["release"] == repo.revisions["one"][:12]
    assert lab.marker() == "one"


def test_the_whole_machine_restarts(lab: Lab, repo: Repo) -> None:
    assert lab.deploy(repo, "one").code == 0
    lab.power_off()
    lab.power_on()
    assert lab.marker() == "one"
    assert lab.deploy(repo, "one").data()["changed"] is False
