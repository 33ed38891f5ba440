"""How many workers a server starts: never more than the memory holds, and never none."""

from pathlib import Path

import pytest

from infra.agent.process import worker_count

MB = 2**20


@pytest.mark.parametrize(
    ("cores", "memory", "workers"),
    [
        (1, 8192 * MB, 3),
        (2, 8192 * MB, 5),
        (2, 1024 * MB, 4),
        (2, 982 * MB, 4),
        (4, 512 * MB, 2),
        (4, 300 * MB, 1),
        (1, 64 * MB, 1),
        (32, 65536 * MB, 65),
    ],
)
def test_the_number_of_workers(cores: int, memory: int, workers: int) -> None:
    assert worker_count.count(cores, memory) == workers


def test_a_limit_of_the_web_process_counts_before_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_count, "machine_memory", lambda: 4096 * MB)
    assert worker_count.here(256 * MB) == 1
    assert worker_count.here(0) == worker_count.here(8192 * MB) > 1
    # What the workers beside it may take is not there for it.
    assert worker_count.here(0, 3840 * MB) == worker_count.here(0, 8192 * MB) == 1
    assert worker_count.here(512 * MB, 2048 * MB) == 2


@pytest.mark.parametrize(
    ("limit", "declared", "wanted"),
    [
        (None, None, 8192 * MB),
        ("max", None, 8192 * MB),
        ("2147483648", None, 2048 * MB),
        (None, "1073741824\n", 1024 * MB),
        ("max", "1073741824\n", 1024 * MB),
        ("2147483648", "1073741824\n", 1024 * MB),
        ("1073741824", "2147483648\n", 1024 * MB),
        (None, "17179869184\n", 8192 * MB),
        (None, "", 8192 * MB),
    ],
)
def test_the_memory_of_a_machine_is_what_it_may_take_of_its_computers(
    limit: str | None, declared: str | None, wanted: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "meminfo").write_text(f"MemTotal:       {8192 * 1024} kB\nMemFree: 1 kB\n")
    for name, text in (("limit", limit), ("declared", declared)):
        if text is not None:
            (tmp_path / name).write_text(text)
    monkeypatch.setattr(worker_count, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(worker_count, "CGROUP_LIMIT", tmp_path / "limit")
    monkeypatch.setattr(worker_count, "DECLARED", tmp_path / "declared")
    assert worker_count.machine_memory() == wanted
