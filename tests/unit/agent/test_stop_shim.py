"""Who is asked to stop first, and that nobody outside of a unit is ever asked."""

import os

import pytest

from infra.agent.process import stop_shim

SHELL, APP, TEE, SCRIPT, CHILD = 10, 11, 12, 13, 14
PROGRAMS = {SHELL: "bash", APP: "python3.13", TEE: "tee", SCRIPT: "dash", CHILD: "python3.13"}


@pytest.fixture(autouse=True)
def _harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sends a signal to anybody."""
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("a signal was sent"))


@pytest.mark.parametrize(
    ("main", "parents", "asked"),
    [
        pytest.param(APP, {CHILD: APP}, [APP], id="a server stops its children itself"),
        pytest.param(SHELL, {APP: SHELL, TEE: SHELL}, [SHELL, APP], id="the end of a pipe is left for later"),
        pytest.param(SHELL, {APP: SHELL, CHILD: APP}, [SHELL, APP], id="a shell's child, and not what it started"),
        pytest.param(SHELL, {SCRIPT: SHELL, APP: SCRIPT}, [SHELL, SCRIPT, APP], id="a script that a shell runs"),
        pytest.param(SHELL, {APP: SHELL, CHILD: SHELL}, [SHELL, APP, CHILD], id="one in the background"),
        pytest.param(SHELL, {}, [SHELL], id="a shell alone"),
    ],
)
def test_who_is_asked_first(
    monkeypatch: pytest.MonkeyPatch, main: int, parents: dict[int, int], asked: list[int]
) -> None:
    monkeypatch.setattr(stop_shim, "program", lambda pid: PROGRAMS[pid])
    seen = {pid: (parents.get(pid, 1), "5") for pid in PROGRAMS}
    assert stop_shim.first(main, seen) == asked


@pytest.mark.parametrize("groups", ["", "0::/\n", "4:memory:/machine\n0::/user.slice/session-1.scope\n"])
def test_outside_of_a_unit_it_does_nothing(monkeypatch: pytest.MonkeyPatch, groups: str) -> None:
    monkeypatch.setattr(stop_shim.Unit, "group_of", staticmethod(lambda _: groups))
    monkeypatch.setattr("sys.argv", ["stop.py", "1"])
    with pytest.raises(RuntimeError, match=r"^this is for systemd to run"):
        stop_shim.main()


def test_all_that_share_the_unit_are_left_to_be_asked_but_ourselves(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = {os.getpid(): "0::/a.service\n", APP: "0::/a.service\n", CHILD: "0::/b.service\n"}
    monkeypatch.setattr(stop_shim.Unit, "group_of", staticmethod(lambda pid: groups.get(pid, "")))
    monkeypatch.setattr(stop_shim, "parents", lambda: dict.fromkeys(groups, (1, "7")))
    assert stop_shim.Unit().left() == {APP: "7"}
