"""Whose turn it is on the machine: a prepare that waits goes before new deployments, for a while."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.agent.release import lock
from infra.agent.system import locks
from infra.agent.system.failure import Failure

GENEROUS = 60


@pytest.fixture(autouse=True)
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock files are in a folder of the test's."""
    for module, name in ((locks, "RUN"), (lock, "RUN")):
        monkeypatch.setattr(module, name, tmp_path)
    monkeypatch.setattr(lock, "MACHINE_LOCK", tmp_path / "machine.lock")
    monkeypatch.setattr(lock, "MACHINE_WANTED", tmp_path / "machine.wanted")


@contextmanager
def a_prepare_that_waits() -> Iterator[threading.Event]:
    """A prepare in a thread, which waits by now; the event is set once it has had the machine alone."""
    had = threading.Event()

    def prepare() -> None:
        with lock.alone("somebody", "preparing", GENEROUS):
            had.set()

    thread = threading.Thread(target=prepare)
    thread.start()
    try:
        while not lock._is_wanted():
            assert thread.is_alive()
        yield had
    finally:
        thread.join()


def test_a_deployment_lets_a_prepare_that_waits_for_another_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "PATIENCE", GENEROUS)
    first = lock._machine(0)
    first.__enter__()
    with a_prepare_that_waits() as had:
        with pytest.raises(Failure, match="Preparing this machine is under way"), lock._machine(0):
            pass
        assert not had.is_set()
        first.__exit__(None, None, None)
        with lock._machine(GENEROUS):
            assert had.is_set()
    assert not lock._is_wanted()


def test_a_deployment_waits_for_that_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "PATIENCE", 0)
    first = lock._machine(0)
    first.__enter__()
    with a_prepare_that_waits() as had:
        with lock._machine(0):
            assert not had.is_set()
        first.__exit__(None, None, None)
        assert had.wait(GENEROUS)


def test_deployments_of_several_apps_go_on_at_the_same_time() -> None:
    with lock._machine(0), lock._machine(0):
        assert not lock._is_wanted()
        with pytest.raises(Failure, match="Something else on this machine is under way"), lock.alone("a", "b", 0):
            pass
