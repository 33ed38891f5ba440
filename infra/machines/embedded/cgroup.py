"""A machine's share of this computer: memory, processors and processes, limited through control groups.

Where systemd runs, the machine is a scope of it. Where it does not, the machine gets a directory of its own in every
hierarchy that is mounted, of version 1 or 2.
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
"""Microseconds over which processor time is shared out; the kernel's default."""


@dataclass(frozen=True)
class Limits:
    """How much a machine may use: bytes of memory, and processors (None: all)."""

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
    """The words before a command that start it within its limits."""
    if not uses_systemd():
        return []
    words = ["systemd-run", "--scope", "--quiet", "--collect", f"--unit={scope(machine)}"]
    words += [f"--description=Launchpad machine {machine}", "--property=Delegate=yes"]
    return [*words, *(f"--property={one}" for one in properties(limits)), "--"]


def hierarchies(mounts: str) -> dict[str, Path]:
    """The mounted hierarchies in a text like /proc/self/mounts, by controller; ``unified`` is version 2."""
    found: dict[str, Path] = {}
    for line in mounts.splitlines():
        _, path, kind, options, *_ = line.split()
        if kind == "cgroup2":
            found.setdefault("unified", Path(path))
        elif kind == "cgroup":
            for name in options.split(","):
                if name in ("memory", "pids", "cpu"):
                    found.setdefault(name, Path(path))
                elif name == "name=systemd":
                    found.setdefault("systemd", Path(path))
    return found


def settings(found: Mapping[str, Path], machine: str, limits: Limits) -> dict[Path, str]:
    """The files that hold a machine's limits, where there is no systemd, each with what to write there."""
    values: dict[Path, str] = {}
    quota = -1 if limits.cpus is None else round(limits.cpus * PERIOD)
    if "memory" in found:
        values[found["memory"] / PARENT / machine / "memory.limit_in_bytes"] = str(limits.memory)
    if "pids" in found:
        values[found["pids"] / PARENT / machine / "pids.max"] = str(MAX_PROCESSES)
    if "cpu" in found:
        values[found["cpu"] / PARENT / machine / "cpu.cfs_quota_us"] = str(quota)
    if "unified" in found and "memory" not in found:
        group = found["unified"] / PARENT / machine
        values[group / "memory.max"] = str(limits.memory)
        values[group / "pids.max"] = str(MAX_PROCESSES)
        values[group / "cpu.max"] = f"{'max' if quota < 0 else quota} {PERIOD}"
    return values


def mounted() -> dict[str, Path]:
    """The hierarchies of this computer."""
    return hierarchies(Path("/proc/self/mounts").read_text())


def enter(machine: str, limits: Limits, pid: int, owner: int) -> None:
    """Without systemd: put a process into the machine's groups, the ones of which systemd inside makes its own."""
    if uses_systemd():
        return
    found = mounted()
    for path in set(found.values()):
        group = path / PARENT / machine
        group.mkdir(parents=True, exist_ok=True)
        if path in (found.get("unified"), found.get("systemd")):
            os.chown(group, owner, owner)
    if "memory" not in found and "unified" in found:
        for group in (found["unified"], found["unified"] / PARENT):
            write(group / "cgroup.subtree_control", "+memory +pids +cpu")
    apply(machine, limits)
    for path in set(found.values()):
        (path / PARENT / machine / "cgroup.procs").write_text(str(pid))


def apply(machine: str, limits: Limits) -> None:
    """Give a running machine new limits."""
    if uses_systemd():
        run(["systemctl", "set-property", "--runtime", scope(machine), *properties(limits)])
        return
    for path, value in settings(mounted(), machine, limits).items():
        write(path, value)


def write(path: Path, value: str) -> None:
    """Set one file of a control group; a controller that this computer lacks is said, not fatal."""
    try:
        path.write_text(value)
    except FileNotFoundError:
        progress(f"this computer has no {path.name}: that limit is not enforced")
    except OSError as error:
        raise MachineError(
            f"Cannot set {path.name} to {value}: {error.strerror}. Does the machine use more already?"
        ) from None


def clear(machine: str) -> None:
    """Kill every process of a machine, and remove its groups."""
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
                continue  # the parent, while another machine has its group there


def processes(group: Path) -> set[int]:
    """The processes in a control group and those below it."""
    pids: set[int] = set()
    for file in group.rglob("cgroup.procs"):
        try:
            pids.update(int(word) for word in file.read_text().split())
        except OSError:
            continue
    return pids - {0}


def kill(pid: int) -> None:
    """Kill a process, if it is still there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
