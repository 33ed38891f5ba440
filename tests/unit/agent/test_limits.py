"""What a process may take: the drop-ins of its unit, and what is told of one that took more."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.agent.process import launch_file, limits, memory_kills, starts
from infra.agent.process.launch_file import Launch
from infra.agent.process.memory_kills import Kill
from infra.agent.process.starts import Start
from infra.agent.system import instances, layout, systemd
from infra.agent.system.layout import App
from infra.agent.system.unit_state import UnitState
from infra.app_model import process_settings, processes
from infra.app_model.files import AppError, MemoryFiles
from infra.protocol.app_settings import Process
from infra.protocol.specs import DeploySpec, Source

APP = App("shop")


def settings(*declared: Process) -> DeploySpec:
    return DeploySpec("shop", Source("pushed"), processes=declared)


def test_the_drop_ins_of_a_process() -> None:
    assert limits.memory("worker.2", 2**29) == "[Service]\nMemoryMax=536870912\nMemorySwapMax=0\n"
    # A web server replaces a worker that was killed: it goes on serving meanwhile.
    assert limits.memory("blue", 1) == "[Service]\nMemoryMax=1\nMemorySwapMax=0\nOOMPolicy=continue\n"
    assert limits.memory("process.blue", 0) == ""
    stop = "ExecStop=/usr/bin/python3 -IS /usr/local/lib/launchpad/stop.py 600\nKillMode=mixed\nTimeoutStopSec=610\n"
    assert limits.stop(600) == f"[Service]\nExecStop=\n{stop}"
    assert limits.stop(0) == ""


def test_a_drop_in_is_written_once_and_goes_with_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "UNITS", tmp_path)
    written = [limits.write(APP, "worker", limits.STOP, lines) for lines in ("a", "a", "b", "", "")]
    assert written == [True, False, True, True, False]
    assert list((tmp_path / "shop@worker.service.d").iterdir()) == []


def test_a_process_that_is_still_stopping_keeps_the_time_it_has_for_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "UNITS", tmp_path)
    for instance in ("blue", "worker", "worker.2", "worker.3"):
        limits.write(APP, instance, limits.STOP, "a")
    limits.write(App("shop-2"), "worker.2", limits.STOP, "a")
    active = {"shop@worker.2.service": "deactivating", "shop@worker.3.service": "inactive"}
    monkeypatch.setattr(systemd, "states", lambda *names: {name: UnitState(active=active[name]) for name in names})
    limits.tidy(APP, {"blue", "green", "worker"})
    left = {"shop-2@worker.2", "shop@blue", "shop@worker", "shop@worker.2"}
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.service.d" for name in left}


@pytest.mark.parametrize(
    ("controllers", "enforced"), [("cpu memory pids\n", True), ("cpu pids\n", False), ("", False), (None, False)]
)
def test_a_limit_that_has_no_effect_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, controllers: str | None, enforced: bool
) -> None:
    path = tmp_path / "cgroup.controllers"
    if controllers is not None:
        path.write_text(controllers)
    monkeypatch.setattr(limits, "CONTROLLERS", path)
    monkeypatch.setattr(limits, "FORMER_MEMORY", tmp_path / "memory")
    told = limits.unenforced(["web", "worker"])
    keys = "launchpad:processes.web.memory, launchpad:processes.worker.memory"
    assert told == (
        ""
        if enforced
        else f"{keys}: has no effect, as this machine's kernel does not limit memory (no cgroup controller for it)"
    )
    assert limits.unenforced([]) == ""


def test_who_was_killed_for_its_memory_is_told_with_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    def line(unit: str, seconds: int) -> str:
        return json.dumps({"UNIT": unit, "__REALTIME_TIMESTAMP": str(seconds * 10**6)})

    lines = [line("shop@worker.2.service", 100), line("shop@worker.2.service", 300), line("shop@blue.service", 200)]
    assert memory_kills.parse(lines) == {"shop@worker.2.service": 300, "shop@blue.service": 200}
    monkeypatch.setattr(memory_kills, "_journal", lambda *_: lines)
    memory = {"worker.2": 2**29, "blue": 0}
    monkeypatch.setattr(launch_file, "read", lambda path: Launch((), "/", {}, memory=memory[path.stem]))
    began = [Start(150, "worker.2", "a", "a", ""), Start(150, "blue", "a", "a", "")]
    monkeypatch.setattr(starts, "all_starts", lambda _app: began)
    assert memory_kills.last(APP, ["blue", "worker", "worker.2"]) == {
        "blue": Kill(200, "was killed because the machine had no memory left"),
        "worker.2": Kill(300, "was killed because it took more than its 512M: launchpad:processes.worker.memory"),
    }
    # What was before the present launch is over.
    began.append(Start(250, "blue", "b", "b", ""))
    assert list(memory_kills.last(APP, ["blue", "worker.2"])) == ["worker.2"]
    assert memory_kills.of("shop@blue.service", UnitState(result="oom-kill"))
    assert not memory_kills.of("shop@blue.service", UnitState(result="exit-code"))


@given(
    st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True) | st.sampled_from(["blue", "green", "process", "2"]),
    st.integers(1, 100),
)
def test_an_instance_tells_its_process_and_its_number(name: str, number: int) -> None:
    instance = instances.instance(name, number)
    assert instance not in instances.SLOTS
    assert (instances.process(instance), instances.number(instance)) == (name, number)
    assert instances.label(instance) == (name if number == 1 else f"{name}.{number}")


@given(st.lists(st.tuples(st.from_regex(r"[a-z0-9_-]{1,6}", fullmatch=True), st.integers(1, 3)), unique=True))
def test_no_two_processes_have_the_same_instance(each: list[tuple[str, int]]) -> None:
    assert len({instances.instance(*one) for one in each}) == len(each)


def test_what_the_other_processes_may_take_is_left_to_them() -> None:
    spec = settings(Process("web", memory=7), Process("worker", count=3, memory=100), Process("release", memory=50))
    commands = {"web": "a", "worker": "b", "clock": "c", "release": "d"}
    assert process_settings.memory_of_others(spec, commands) == 300
    assert process_settings.settings(spec, "clock") == Process("clock")


def test_settings_of_a_process_that_there_is_not_are_refused() -> None:
    files = MemoryFiles({"Procfile": "web: a\nworker: b\n"})
    assert list(processes.commands(files, settings(Process("wroker", disabled=True)), {})) == ["web", "worker"]
    with pytest.raises(AppError, match=r"^launchpad:processes\.wroker says .*; there are web, worker\.\n.*\.command"):
        processes.commands(files, settings(Process("wroker", count=2)), {})
