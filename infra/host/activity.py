"""What the processes of a unit are doing: where they listen, and whether anything still happens in them."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from . import sockets, systemd
from .sockets import Listener

BUSY = 0.1
"""The share of one processor from which on a unit counts as busy."""

SLEEPING = {"x86_64": ("35", "230"), "aarch64": ("101", "115")}
"""The numbers of the system calls nanosleep and clock_nanosleep."""


@dataclass(frozen=True)
class Sight:
    """A unit at one moment: its listening sockets, its processes, and the seconds of processor time they have used."""

    at: float
    listeners: frozenset[Listener]
    processes: frozenset[int]
    cpu: float

    def reachable(self, port: int) -> bool:
        """Whether it listens where the proxy asks: on a port of the loopback address."""
        return any(each.port == port and each.address in ("*", "127.0.0.1") for each in self.listeners)

    def calm_since(self, before: Sight) -> bool:
        """Whether nothing happened since an earlier look: the same processes and sockets, and hardly any work."""
        if (self.listeners, self.processes) != (before.listeners, before.processes):
            return False
        return self.cpu - before.cpu <= BUSY * (self.at - before.at)

    def where(self, port: int) -> str:
        """In words: where it listens instead of on its port."""
        if not self.listeners:
            return f"It never listened on $PORT ({port})."
        found = ", ".join(sorted({f"{each.address}:{each.port}" for each in self.listeners}))
        if any(each.port == port for each in self.listeners):
            return f"It listens on {found} only, but requests come to 127.0.0.1:{port} ($HOST:$PORT)."
        return f"It listens on {found} instead of $PORT ({port})."


def look(unit: str) -> Sight:
    """See what a unit's processes are doing now."""
    own = systemd.processes(systemd.state(unit))
    inodes = {inode for pid in own for inode in sockets.sockets_of(pid)}
    listeners = frozenset(each for each in sockets.listeners() if each.inode in inodes)
    return Sight(time.monotonic(), listeners, frozenset(own), sum(_cpu(pid) for pid in own))


def asleep(pid: int) -> bool:
    """Whether a process's main thread sleeps for a time, as one that waits for something does; False if unknown."""
    with contextlib.suppress(OSError, IndexError):
        return Path("/proc", str(pid), "syscall").read_text().split()[0] in SLEEPING.get(os.uname().machine, ())
    return False


def _cpu(pid: int) -> float:
    with contextlib.suppress(OSError, IndexError, ValueError):
        fields = Path("/proc", str(pid), "stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0
