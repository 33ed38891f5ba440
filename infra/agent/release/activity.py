"""What the processes of a unit are doing: where they listen, and whether they still work."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from infra.agent.system import sockets, systemd
from infra.agent.system.sockets import Listener

BUSY = 0.1
"""The share of one processor above which a unit counts as busy."""

SLEEPING = {"x86_64": ("35", "230"), "aarch64": ("101", "115")}
"""The numbers of the system calls nanosleep and clock_nanosleep. Source: Linux's tables of system calls."""


@dataclass(frozen=True)
class Sight:
    """What a unit does at one moment.

    Attributes:
        at: When, by ``time.monotonic``.
        listeners: Its listening sockets.
        processes: The ids of its processes.
        cpu: The seconds of processor time that they have used.
    """

    at: float
    listeners: frozenset[Listener]
    processes: frozenset[int]
    cpu: float

    def reachable(self, port: int) -> bool:
        """Whether it listens where the proxy connects: on this port of the loopback address."""
        return any(listener.port == port and listener.address in ("*", "127.0.0.1") for listener in self.listeners)

    def calm_since(self, before: Sight) -> bool:
        """Whether nothing happened since an earlier look: the same processes and sockets, hardly any processor time."""
        if (self.listeners, self.processes) != (before.listeners, before.processes):
            return False
        return self.cpu - before.cpu <= BUSY * (self.at - before.at)

    def where(self, port: int) -> str:
        """Where it listens instead of on its port, as a person reads it."""
        if not self.listeners:
            return f"It never listened on $PORT ({port})."
        addresses = ", ".join(sorted({f"{listener.address}:{listener.port}" for listener in self.listeners}))
        if any(listener.port == port for listener in self.listeners):
            return f"It listens on {addresses} only, but requests come to 127.0.0.1:{port} ($HOST:$PORT)."
        return f"It listens on {addresses} instead of $PORT ({port})."


def look(unit: str) -> Sight:
    """Look at what a unit's processes are doing now."""
    own = systemd.processes(systemd.state(unit))
    inodes = {inode for pid in own for inode in sockets.sockets_of(pid)}
    listeners = frozenset(listener for listener in sockets.listeners() if listener.inode in inodes)
    return Sight(time.monotonic(), listeners, frozenset(own), sum(_cpu(pid) for pid in own))


def asleep(pid: int) -> bool:
    """Whether a process's main thread sleeps for a set time, as one that polls for something; False if unknown."""
    with contextlib.suppress(OSError, IndexError):
        return Path("/proc", str(pid), "syscall").read_text().split()[0] in SLEEPING.get(os.uname().machine, ())
    return False


def _cpu(pid: int) -> float:
    with contextlib.suppress(OSError, IndexError, ValueError):
        fields = Path("/proc", str(pid), "stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0
