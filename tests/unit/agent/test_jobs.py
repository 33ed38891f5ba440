"""The jobs of a release take over at its switch, and go back with the requests."""

from types import SimpleNamespace
from typing import cast

import pytest

from infra.agent.process import timers
from infra.agent.process.launch_file import Launch
from infra.agent.process.timers import Job
from infra.agent.release.jobs import Jobs
from infra.agent.release.processes import Processes
from infra.agent.system.layout import App

APP = App("shop")


class Machine:
    """The jobs on a machine, in memory, and which of their schedules count anew."""

    def __init__(self, jobs: dict[str, Job]) -> None:
        self.jobs = dict(jobs)
        self.anew: list[tuple[bool, list[str]]] = []

    def install(self, _app: App, jobs: dict[str, Job], _stop_timeout: float, *, anew: bool = True) -> None:
        self.jobs |= jobs
        self.anew.append((anew, sorted(jobs)))

    def remove(self, _app: App, name: str) -> None:
        del self.jobs[name]


def job(schedule: str, release: str) -> Job:
    return Job(schedule, Launch(("true",), "/", {}, release=release))


OLD = {"kept": job("@daily", "old"), "moved": job("@daily", "old"), "gone": job("@daily", "old")}
NEW = {"kept": job("@daily", "new"), "moved": job("@hourly", "new"), "added": job("@daily", "new")}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine with the jobs of the old release."""
    found = Machine(OLD)
    monkeypatch.setattr(timers, "installed", lambda _app: dict(found.jobs))
    monkeypatch.setattr(timers, "install", found.install)
    monkeypatch.setattr(timers, "remove", found.remove)
    return found


def new() -> Jobs:
    processes = SimpleNamespace(jobs=lambda: NEW, spec=SimpleNamespace(stop_timeout=30))
    return Jobs(APP, cast("Processes", processes))


def test_a_release_takes_over_at_its_switch_and_what_it_lacks_goes_when_it_stays(machine: Machine) -> None:
    jobs = new()
    assert machine.jobs == OLD
    jobs.take_over()
    assert machine.jobs == {**NEW, "gone": OLD["gone"]}
    jobs.take_over()
    assert len(machine.anew) == 1
    jobs.finish()
    assert machine.jobs == NEW


def test_what_was_changed_goes_back_with_the_requests_and_its_schedule_counts_on(machine: Machine) -> None:
    jobs = new()
    jobs.take_over()
    jobs.put_back()
    assert machine.jobs == OLD
    assert machine.anew[1:] == [(False, ["kept", "moved"])]


def test_a_deployment_that_was_interrupted_after_its_switch_is_finished_by_the_next(machine: Machine) -> None:
    machine.jobs = {**NEW, "gone": OLD["gone"]}
    new().finish()
    assert machine.jobs == NEW
