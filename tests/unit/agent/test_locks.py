"""Who holds a lock, and whether that process is still there."""

import os
import time
from pathlib import Path

import pytest

from infra.agent.system import locks
from infra.agent.system.failure import Failure
from infra.common import procfs


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def test_lock_words() -> None:
    holder = locks.Holder("me@desk", time.time() - 5, "main at abc", 1, 42)
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(holder.since))
    assert holder.describe() == f"me@desk since {when} (5 s) for main at abc, process 1"
    assert locks.parse('{"who": "a", "since": 1, "what": "b", "pid": 2, "start_time": 3}') == locks.Holder(
        "a", 1, "b", 2, 3
    )
    assert locks.parse("") is None
    assert locks.parse('{"who": "a"}') is None


def test_a_holder_lives_only_with_its_time_of_birth() -> None:
    pid = os.getpid()
    assert locks.Holder("a", 0, "b", pid, procfs.start_time(pid)).alive()
    assert not locks.Holder("a", 0, "b", pid, 1).alive()
    assert not locks.Holder("a", 0, "b", pid, 0).alive()


def test_a_lock_whose_file_was_removed_lets_nobody_in(tmp_path: Path) -> None:
    """Otherwise who waited for it would work beside who holds the new one."""
    path = tmp_path / "machine.lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        assert locks.try_lock(handle)
        path.unlink()
        with pytest.raises(Failure, match="was removed from the machine meanwhile"):
            locks.try_lock(handle)
    finally:
        os.close(handle)
