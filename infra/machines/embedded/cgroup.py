"""A machine's resource limits (memory, processors, processes), set with control groups.

If systemd manages this computer, the machine is a systemd scope. If not, the machine gets a directory of its own in
every mounted hierarchy, of version 1 or 2.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.machines.embedded.shell import MachineError, progress, run, succeeds

PARENT = "launchpad"
MAX_PROCESSES = 4096
PERIOD = 100_000
"""Microseconds of one period of the CPU quota; the kernel's default."""


@dataclass(frozen=True)
class Limits:
    """The limits of a machine: memory in bytes, and number of processors (None: all)."""

    memory: int
    cpus: float | None


def uses_systemd() -> bool:
    """Whether systemd manages this computer's control groups."""
    return Path("/run/systemd/system").is_dir()


def scope(machine: str) -> str:
    """The name of a machine's systemd scope."""
    return f"launchpad-{machine}.scope"


def properties(limits: Limits) -> list[str]:
    """The limits, as properties of a systemd scope."""
    quota = "" if limits.cpus is None else f"{round(limits.cpus * 100)}%"
    return [f"MemoryMax={limits.memory}", f"TasksMax={MAX_PROCESSES}", f"CPUQuota={quota}"]


def launcher(machine: str, limits: Limits) -> list[str]:
    """The command prefix that starts a command within the machine's limits; empty without systemd."""
    if not uses_systemd():
        return []
    prefix = ["systemd-run", "--scope", "--quiet", "--collect", f"--unit={scope(machine)}"]
    prefix += [f"--description=Launchpad machine {machine}", "--property=Delegate=yes"]
    return [*prefix, *(f"--property={limit}" for limit in properties(limits)), "--"]


def hierarchies(mounts: str) -> dict[str, Path]:
    """Parse the mounted hierarchies.

    Args:
        mounts: A text like /proc/self/mounts.

    Returns:
        The mount points by controller: ``memory``, ``pids``, ``cpu``, ``systemd``; ``unified`` is version 2.
    """
    mountpoints: dict[str, Path] = {}
    for line in mounts.splitlines():
        _, path, kind, options, *_ = line.split()
        if kind == "cgroup2":
            mountpoints.setdefault("unified", Path(path))
        elif kind == "cgroup":
            for name in options.split(","):
                if name in ("memory", "pids", "cpu"):
                    mountpoints.setdefault(name, Path(path))
                elif name == "name=systemd":
                    mountpoints.setdefault("systemd", Path(path))
    return mountpoints


def settings(mountpoints: Mapping[str, Path], machine: str, limits: Limits) -> dict[Path, str]:
    """The limit files of a machine without systemd, each with the value to write."""
    values: dict[Path, str] = {}
    quota = -1 if limits.cpus is None else round(limits.cpus * PERIOD)
    if "memory" in mountpoints:
        values[mountpoints["memory"] / PARENT / machine / "memory.limit_in_bytes"] = str(limits.memory)
    if "pids" in mountpoints:
        values[mountpoints["pids"] / PARENT / machine / "pids.max"] = str(MAX_PROCESSES)
    if "cpu" in mountpoints:
        values[mountpoints["cpu"] / PARENT / machine / "cpu.cfs_quota_us"] = str(quota)
    if "unified" in mountpoints and "memory" not in mountpoints:
        group = mountpoints["unified"] / PARENT / machine
        values[group / "memory.max"] = str(limits.memory)
        values[group / "pids.max"] = str(MAX_PROCESSES)
        values[group / "cpu.max"] = f"{'max' if quota < 0 else quota} {PERIOD}"
    return values


def mounted() -> dict[str, Path]:
    """The hierarchies mounted on this computer."""
    return hierarchies(Path("/proc/self/mounts").read_text())


def enter(machine: str, limits: Limits, pid: int, owner: int) -> None:
    """Put a process into the machine's control groups; does nothing if systemd does it.

    Args:
        machine: The machine's id.
        limits: The limits to apply.
        pid: The process.
        owner: The user that owns the groups which the systemd in the machine manages.
    """
    if uses_systemd():
        return
    mountpoints = mounted()
    for path in set(mountpoints.values()):
        group = path / PARENT / machine
        group.mkdir(parents=True, exist_ok=True)
        if path in (mountpoints.get("unified"), mountpoints.get("systemd")):
            os.chown(group, owner, owner)
    if "memory" not in mountpoints and "unified" in mountpoints:
        for group in (mountpoints["unified"], mountpoints["unified"] / PARENT):
            write(group / "cgroup.subtree_control", "+memory +pids +cpu")
    apply(machine, limits)
    for path in set(mountpoints.values()):
        (path / PARENT / machine / "cgroup.procs").write_text(str(pid))


def apply(machine: str, limits: Limits) -> None:
    """Change the limits of a running machine."""
    if uses_systemd():
        run(["systemctl", "set-property", "--runtime", scope(machine), *properties(limits)])
        return
    for path, value in settings(mounted(), machine, limits).items():
        write(path, value)


def write(path: Path, value: str) -> None:
    """Write one file of a control group; a missing controller is reported, not fatal.

    Raises:
        MachineError: The kernel rejected the value.
    """
    try:
        path.write_text(value)
    except FileNotFoundError:
        progress(f"this computer has no {path.name}: that limit is not enforced")
    except OSError as error:
        raise MachineError(
            f"Cannot set {path.name} to {value}: {error.strerror}. Does the machine already use more?"
        ) from None


def clear(machine: str) -> None:
    """Kill every process of a machine and remove its control groups."""
    if uses_systemd():
        run(["systemctl", "kill", "--signal=SIGKILL", scope(machine)], check=False)
        run(["systemctl", "stop", scope(machine)], check=False)
        succeeds(["systemctl", "reset-failed", scope(machine)])
        return
    groups = [path / PARENT / machine for path in set(mounted().values()) if (path / PARENT / machine).is_dir()]
    for _ in range(250):
        pids = {pid for group in groups for pid in processes(group)}
        if not pids:
            break
        for pid in pids:
            kill(pid)
        time.sleep(0.02)
    for group in groups:
        for directory in (*sorted(group.rglob("*/"), reverse=True), group, group.parent):
            try:
                directory.rmdir()
            except OSError:
                continue  # the parent still holds the group of another machine


def processes(group: Path) -> set[int]:
    """The processes in a control group and its descendants."""
    pids: set[int] = set()
    for file in group.rglob("cgroup.procs"):
        try:
            pids.update(int(word) for word in file.read_text().split())
        except OSError:
            continue
    return pids - {0}


def kill(pid: int) -> None:
    """Kill a process if it still exists."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
