"""A machine's limits, as this or that kind of computer takes them."""

from pathlib import Path

import pytest

from infra.machines.embedded import cgroup
from infra.machines.embedded.cgroup import Limits

VERSION_1 = """\
tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup /sys/fs/cgroup/pids cgroup rw,relatime,pids 0 0
cgroup /sys/fs/cgroup/freezer cgroup rw,relatime,freezer 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
"""
JOINED = "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0\n"
VERSION_2 = "cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n"


def test_the_hierarchies_that_are_mounted() -> None:
    assert cgroup.hierarchies(VERSION_1) == {
        "cpu": Path("/sys/fs/cgroup/cpu"),
        "memory": Path("/sys/fs/cgroup/memory"),
        "pids": Path("/sys/fs/cgroup/pids"),
        "systemd": Path("/sys/fs/cgroup/systemd"),
        "unified": Path("/sys/fs/cgroup/unified"),
    }
    assert cgroup.hierarchies(JOINED) == {"cpu": Path("/sys/fs/cgroup/cpu,cpuacct")}
    assert cgroup.hierarchies(VERSION_2) == {"unified": Path("/sys/fs/cgroup")}


@pytest.mark.parametrize(("cpus", "quota"), [(None, "-1"), (1, "100000"), (1.5, "150000"), (0.25, "25000")])
def test_limits_in_version_1(cpus: float | None, quota: str) -> None:
    files = cgroup.settings(cgroup.hierarchies(VERSION_1), "lp12345678", Limits(2**30, cpus))

    assert {str(path): value for path, value in files.items()} == {
        "/sys/fs/cgroup/memory/launchpad/lp12345678/memory.limit_in_bytes": "1073741824",
        "/sys/fs/cgroup/pids/launchpad/lp12345678/pids.max": "4096",
        "/sys/fs/cgroup/cpu/launchpad/lp12345678/cpu.cfs_quota_us": quota,
    }


@pytest.mark.parametrize(("cpus", "quota"), [(None, "max 100000"), (2, "200000 100000")])
def test_limits_in_version_2_without_systemd(cpus: float | None, quota: str) -> None:
    files = cgroup.settings(cgroup.hierarchies(VERSION_2), "lp12345678", Limits(2**29, cpus))

    assert {str(path): value for path, value in files.items()} == {
        "/sys/fs/cgroup/launchpad/lp12345678/memory.max": "536870912",
        "/sys/fs/cgroup/launchpad/lp12345678/pids.max": "4096",
        "/sys/fs/cgroup/launchpad/lp12345678/cpu.max": quota,
    }


@pytest.mark.parametrize(("cpus", "quota"), [(None, "CPUQuota="), (1.5, "CPUQuota=150%")])
def test_limits_as_properties_of_a_scope(cpus: float | None, quota: str) -> None:
    assert cgroup.properties(Limits(2**30, cpus)) == ["MemoryMax=1073741824", "TasksMax=4096", quota]


def test_with_systemd_a_machine_starts_as_a_scope(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "uses_systemd", lambda: True)

    assert cgroup.launcher("lp12345678", Limits(2**30, 1)) == [
        "systemd-run",
        "--scope",
        "--quiet",
        "--collect",
        "--unit=launchpad-lp12345678.scope",
        "--description=Launchpad machine lp12345678",
        "--property=Delegate=yes",
        "--property=MemoryMax=1073741824",
        "--property=TasksMax=4096",
        "--property=CPUQuota=100%",
        "--",
    ]


def test_without_systemd_it_starts_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "uses_systemd", lambda: False)

    assert cgroup.launcher("lp12345678", Limits(2**30, 1)) == []
