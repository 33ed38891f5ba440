"""What one process of an app may take: its memory, and the time to stop. In drop-ins of its own unit."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from infra.agent.process import units
from infra.agent.system import files, systemd
from infra.agent.system.instances import SLOTS
from infra.agent.system.layout import App
from infra.protocol import quantities

CONTROLLERS = Path("/sys/fs/cgroup/cgroup.controllers")
"""What the kernel can limit on this machine. Source: cgroups(7), version 2."""
FORMER_MEMORY = Path("/sys/fs/cgroup/memory/cgroup.procs")
"""There if it limits memory by cgroups of version 1."""
MEMORY, STOP = "memory.conf", "stop.conf"


def memory(instance: str, most: int) -> str:
    """The lines that limit a process's memory; empty if it has no limit. Without swap: it would only become slow.

    If one of its processes is killed for it, the others are stopped and all start anew. Only a web server replaces its
    own workers, and serves meanwhile.

    Args:
        instance: The instance of the app's unit.
        most: Bytes; 0 for no limit.
    """
    policy = "OOMPolicy=continue\n" if instance in SLOTS else ""
    return f"[Service]\nMemoryMax={most}\nMemorySwapMax=0\n{policy}" if most else ""


def stop(stop_timeout: float) -> str:
    """The lines that say how long a process may take to stop; empty if it is what the app's template says.

    Args:
        stop_timeout: Seconds; 0 for the template's.
    """
    return f"[Service]\nExecStop=\n{units.stopping(stop_timeout)}" if stop_timeout else ""


def write(app: App, instance: str, name: str, lines: str) -> bool:
    """Write a drop-in of an instance, or remove it if it has no lines; says whether systemd has to read it."""
    path = app.dropins(instance) / name
    if lines:
        return files.write(path, lines)
    there = path.exists()
    files.remove_tree(path)
    return there


def tidy(app: App, keep: Collection[str]) -> None:
    """Remove the drop-ins of instances that are no more.

    One that is still stopping keeps them: it would be given less time as soon as systemd reads its files again.

    Args:
        app: The app.
        keep: The instances that there are.
    """
    folders = {path: path.name.split("@", 1)[1].removesuffix(".service.d") for path in app.all_dropins()}
    former = {path: app.unit(instance) for path, instance in folders.items() if instance not in keep}
    states = systemd.states(*former.values())
    for path, unit in former.items():
        if states[unit].is_stopped:
            files.remove_tree(path)


def enforces_memory() -> bool:
    """Whether this machine limits memory at all: an embedded one only if this computer passes the controller on."""
    controllers = CONTROLLERS.read_text().split() if CONTROLLERS.exists() else []
    return "memory" in controllers or FORMER_MEMORY.exists()


def unenforced(limited: list[str]) -> str:
    """The warning for processes whose limit has no effect here; empty if there are none."""
    if not limited or enforces_memory():
        return ""
    keys = ", ".join(f"launchpad:processes.{name}.memory" for name in limited)
    return f"{keys}: has no effect, as this machine's kernel does not limit memory (no cgroup controller for it)"


def exceeded(process: str, most: int) -> str:
    """Why a process was killed that the kernel took for its memory.

    Args:
        process: Its name.
        most: Its limit in bytes; 0 if it has none.
    """
    if not most:
        return "was killed because the machine had no memory left"
    return f"was killed because it took more than its {quantities.in_words(most)}: launchpad:processes.{process}.memory"
