"""Whoever exchanges an app's data has it alone: no command begins meanwhile, and none is cut off from it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra.agent.process import exchange, run_launch, timers
from infra.agent.process.run_launch import RunLaunch
from infra.agent.system import layout, locks, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.agent.system.unit_state import UnitState
from infra.common import procfs

APP = App("shop")


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (layout, locks):
        monkeypatch.setattr(module, "RUN", tmp_path / "run")
    monkeypatch.setattr(layout, "SETTINGS", tmp_path / "etc")
    monkeypatch.setattr(layout, "STATE", tmp_path / "state")


def test_a_command_that_begins_meanwhile_is_told_who_and_what_for() -> None:
    with run_launch.settled(APP):
        exchange.refuse(APP)
    with exchange.exchanging(APP, "ada@laptop", "a restore"), pytest.raises(Failure) as caught:
        exchange.refuse(APP)
    said = str(caught.value)
    assert said.startswith("The data of shop is being exchanged by ada@laptop since ")
    assert " for a restore, process " in said
    assert said.endswith("Nothing that uses it begins meanwhile: run it again when that has ended.")
    exchange.refuse(APP)


def test_one_that_was_killed_keeps_nobody_out() -> None:
    child = os.fork()
    if not child:
        with exchange.exchanging(APP, "ada", "a restore"):
            os._exit(0)
    os.waitpid(child, 0)
    assert locks.of(APP.exchange_lock) is not None
    exchange.refuse(APP)
    APP.restore.parent.mkdir(parents=True)
    APP.restore.write_text("{}")
    with pytest.raises(Failure, match=r"A restore of shop was broken off, .* launchpad-agent backup mend --app shop"):
        exchange.refuse(APP)


def test_a_command_that_uses_the_data_keeps_it_from_being_exchanged() -> None:
    launch = RunLaunch(("sleep",), "/", {}, "abc", os.getpid(), procfs.start_time(os.getpid()))
    run_launch.write(APP, 1, launch)
    with (
        pytest.raises(Failure, match=r"1 commands of run use the data of shop now; .* Wait for them, or end"),
        exchange.exchanging(APP, "ada", "a restore"),
    ):
        raise AssertionError("it must not come to that")
    exchange.refuse(APP)


def test_a_job_is_not_begun_by_hand_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "installed", lambda _app: ["tidy"])
    monkeypatch.setattr(systemd, "state", lambda _unit: UnitState(active="inactive"))
    with exchange.exchanging(APP, "ada", "a restore"), pytest.raises(Failure, match="is being exchanged by ada"):
        timers.run_now(APP, "tidy")
