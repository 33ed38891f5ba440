"""``restart`` of one process touches no other."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.agent.lab import APP, Lab, Repo

SLEEPER = "python -c 'import time; time.sleep(100000)'"
PROCFILE = f"web: gunicorn --workers 1 app:app\nworker: {SLEEPER}\nblue: {SLEEPER}\nrelease: true\n"
RESTART = f"sudo launchpad-agent restart --app {APP} --who ada@laptop"


@pytest.fixture(scope="module")
def repo(lab: Lab, flask: Repo) -> Iterator[Repo]:
    """A release with two more processes serves, one of them called like a slot."""
    flask.commit("workers", {"Procfile": PROCFILE})
    lab.deploy(flask, "workers").data()
    yield flask


def pids(lab: Lab) -> dict[str, int]:
    """The main process of each instance that runs, once none is stopping any more."""
    until = time.monotonic() + 30
    found = lab.serving()["processes"]
    while any(each["state"] == "deactivating" for each in found.values()):
        assert time.monotonic() < until, found
        time.sleep(0.2)
        found = lab.serving()["processes"]
    return {name: each["pid"] for name, each in found.items() if each["pid"]}


def changed(before: dict[str, int], after: dict[str, int]) -> set[str]:
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def last(lab: Lab) -> dict[str, Any]:
    return lab.history()[-1]


@pytest.mark.usefixtures("repo")
@pytest.mark.parametrize(("process", "instance"), [("worker", "worker"), ("blue", "process.blue")])
def test_one_process_is_restarted_and_no_other(lab: Lab, process: str, instance: str) -> None:
    before, slot = pids(lab), lab.serving()["slot"]
    result = lab.run(f"{RESTART} --process {process}").data()
    assert (result["changed"], result["built"], result["slot"]) == (True, False, slot)
    assert changed(before, pids(lab)) == {instance}
    entry = last(lab)
    assert (entry["what"], entry["result"], entry["who"]) == ("restart", "ok", "ada@laptop")
    assert entry["reason"] == f"only the process {process}"


@pytest.mark.usefixtures("repo")
def test_web_alone_goes_through_the_other_slot(lab: Lab) -> None:
    before = pids(lab)
    result = lab.run(f"{RESTART} --process web").data()
    assert result["slot"] == "green"
    assert changed(before, pids(lab)) == {"blue", "green"}


@pytest.mark.usefixtures("repo")
def test_without_a_name_all_are_restarted(lab: Lab) -> None:
    before = pids(lab)
    lab.run(RESTART).data()
    assert changed(before, pids(lab)) == {"blue", "green", "worker", "process.blue"}


@pytest.mark.usefixtures("repo")
@pytest.mark.parametrize("process", ["nosuch", "release", "green"])
def test_a_process_that_there_is_not_is_told_with_those_that_there_are(lab: Lab, process: str) -> None:
    before, entries = pids(lab), len(lab.history())
    done = lab.run(f"{RESTART} --process {process}")
    assert done.code == 1
    assert f"There is no process {process}; there are web, worker, blue." in done.err
    assert (pids(lab), len(lab.history())) == (before, entries)
