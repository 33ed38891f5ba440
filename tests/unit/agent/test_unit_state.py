"""What systemd says of a unit, read and put in words."""

import time

import pytest

from infra.agent.system import unit_state
from infra.agent.system.unit_state import UnitState

SHOWN = """\
Id=app@blue.service
ActiveState=activating
SubState=auto-restart
Result=exit-code
ExecMainCode=1
ExecMainStatus=3
MainPID=0
NRestarts=2
InvocationID=abc
ControlGroup=/system.slice/app@blue.service
ExecMainStartTimestampMonotonic=1500000

Id=app@green.service
ActiveState=active
SubState=running
MainPID=7
ExecMainStartTimestampMonotonic=

"""
ENDED = UnitState(
    "activating", "auto-restart", "exit-code", 1, 3, 0, 2, "abc", "/system.slice/app@blue.service", 1500000
)
RUNS = UnitState("active", "running", main_pid=7)


def test_units_are_read_by_name() -> None:
    assert unit_state.parse(SHOWN) == {"app@blue.service": ENDED, "app@green.service": RUNS}
    assert unit_state.parse("") == {}


def test_unit_state_in_words() -> None:
    state = UnitState("activating", "auto-restart", "exit-code", end_code=1, end_status=3)
    assert state.describe() == "activating (auto-restart), its main process exited with status 3, result exit-code"
    assert ENDED.describe() == f"{state.describe()}, restarted 2 times"
    assert RUNS.describe() == "active (running)"
    assert UnitState(end_code=2, end_status=9).ending() == "was killed by signal 9"


@pytest.mark.parametrize(
    ("state", "is_running", "is_stopped", "has_ended"),
    [
        (RUNS, True, False, False),
        (ENDED, False, False, True),
        (UnitState("active", "running"), False, False, False),
        (UnitState("reloading", "reload", main_pid=7), True, False, False),
        (UnitState("inactive", "dead"), False, True, False),
        (UnitState("failed", "failed"), False, True, True),
        (UnitState("deactivating", "stop-sigterm", main_pid=7), False, False, False),
    ],
)
def test_what_a_unit_is_doing(state: UnitState, is_running: bool, is_stopped: bool, has_ended: bool) -> None:
    assert (state.is_running, state.is_stopped, state.has_ended) == (is_running, is_stopped, has_ended)


def test_a_process_that_was_restarted_long_ago_does_not_end_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    state = UnitState("active", "running", main_pid=7, restarts=1, started=1_000_000)
    monkeypatch.setattr(time, "monotonic", lambda: 1 + unit_state.JUST_STARTED - 0.1)
    assert state.is_looping()
    monkeypatch.setattr(time, "monotonic", lambda: 1 + unit_state.JUST_STARTED)
    assert not state.is_looping()
    assert ENDED.is_looping()
