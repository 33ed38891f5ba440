"""What programs read of the history has the keys that its type says."""

import itertools
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from infra.agent.build import inventory
from infra.agent.machine import pending
from infra.agent.process import launch_file, memory_kills, slots
from infra.agent.proxy import proxy
from infra.agent.release import history, lock, run_history, status, turns
from infra.agent.release.status import Deployed
from infra.agent.system import systemd
from infra.agent.system.layout import App
from infra.agent.system.unit_state import UnitState


def test_an_entry_for_programs_has_just_the_keys_of_its_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.agent.system.layout.STATE", tmp_path)
    monkeypatch.setattr(status, "status", lambda _app: {"release": "a"})
    monkeypatch.setattr(inventory, "all_built", lambda _app: [])
    app = App("app")
    number = history.begin(app, revision="a" * 40, what="deploy", release="a")
    history.end(app, number, result="ok", seconds=1)
    (entry,) = status.releases_data(app)
    assert set(entry) == set(Deployed.__annotations__)
    assert (entry["built"], entry["serving"]) == (False, True)


def test_a_release_serves_since_the_switch_and_not_since_its_deployment_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.agent.system.layout.STATE", tmp_path)
    monkeypatch.setattr(proxy, "site", lambda _app: None)
    monkeypatch.setattr(slots, "serving", lambda _app: "blue")
    serving = SimpleNamespace(release="a", revision="a" * 40, command="gunicorn")
    monkeypatch.setattr(launch_file, "started", lambda _app, _slot: serving)
    monkeypatch.setattr(lock, "current", lambda _app: None)
    monkeypatch.setattr(run_history, "all_runs", lambda _app: [])
    monkeypatch.setattr(turns, "waiting", lambda _app: [])
    monkeypatch.setattr(inventory, "all_built", lambda _app: [])
    for name in ("instances", "enabled"):
        monkeypatch.setattr(systemd, name, lambda _app: ["blue"])
    monkeypatch.setattr(systemd, "state", lambda _unit: UnitState())
    monkeypatch.setattr(memory_kills, "last", lambda _app, _names: {})
    monkeypatch.setattr(pending, "count", lambda: None)  # this computer's updates, which it would note down here
    clock = itertools.count(100, 100)
    monkeypatch.setattr(time, "time", lambda: float(next(clock)))
    app = App("app")
    number = history.begin(app, revision="a" * 40, what="deploy", release="a", subject="Say a")  # at 100
    history.switch(app, number, "a", "blue", served=True)  # at 200
    history.end(app, number, result="ok", seconds=300, release="a", subject="Say a")
    # The restart of a worker is a deployment without a switch.
    number = history.begin(app, revision="a" * 40, what="restart", release="a")  # at 300
    history.end(app, number, result="ok", seconds=1, release="a", subject="Say a")
    # One that was put back does not serve.
    number = history.begin(app, revision="b" * 40, what="deploy", release="b")
    history.switch(app, number, "b", "green", served=False)
    history.end(app, number, result="failed", seconds=1, release="b")
    assert status.status(app)["since"] == 200
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert status.status_text(app).startswith("app serves a (Say a) since 1970-01-01 00:03:20 UTC\n")


def test_a_process_that_was_killed_for_its_memory_is_told_in_the_status(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["worker.10", "worker-2", "worker.2", "green", "blue", "worker"]
    monkeypatch.setattr(systemd, "instances", lambda _app: names)
    monkeypatch.setattr(systemd, "enabled", lambda _app: names)
    monkeypatch.setattr(systemd, "state", lambda _unit: UnitState(active="active", sub="running"))
    monkeypatch.setattr(launch_file, "started", lambda _app, _name: None)
    killed = memory_kills.Kill(0, "was killed because it took more than its 512M: launchpad:processes.worker.memory")
    monkeypatch.setattr(memory_kills, "last", lambda _app, _names: {"worker.2": killed})
    shown = status._processes(App("app"))
    assert list(shown) == ["blue", "green", "worker", "worker.2", "worker.10", "worker-2"]
    assert shown["worker"]["description"] == "active (running)"
    assert shown["worker.2"]["description"].startswith(f"active (running); {killed.why} (19")
