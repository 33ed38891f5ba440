"""Who listens on which port, read from /proc."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

LISTENING = "0A"
"""The state of a listening socket (TCP_LISTEN in Linux's tcp_states.h)."""


@dataclass(frozen=True)
class Listener:
    """A listening TCP socket: its address ("*" for all), its port, and the inode that identifies it."""

    address: str
    port: int
    inode: str


def listeners() -> list[Listener]:
    """All listening TCP sockets of this machine, IPv4 and IPv6."""
    listening = []
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            listening += parse(Path("/proc/net", table).read_text())
    return listening


def parse(table: str) -> list[Listener]:
    """The listening sockets in a table of /proc/net. Source: proc_pid_net(5)."""
    listening = []
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == LISTENING:
            address, port = fields[1].rsplit(":", 1)
            listening.append(Listener(_address(address), int(port, 16), fields[9]))
    return listening


def _address(text: str) -> str:
    if not text.strip("0"):
        return "*"
    if len(text) == 8:
        return ".".join(str(byte) for byte in reversed(bytes.fromhex(text)))
    return "::1" if text == "00000000000000000000000001000000" else f"[{text.lower()}]"


def sockets_of(pid: int) -> set[str]:
    """The inodes of the sockets that a process has open."""
    inodes = set()
    with contextlib.suppress(OSError):
        for link in Path("/proc", str(pid), "fd").iterdir():
            with contextlib.suppress(OSError):
                if match := re.fullmatch(r"socket:\[(\d+)\]", str(link.readlink())):
                    inodes.add(match[1])
    return inodes


def holders(inodes: Iterable[str], pids: Iterable[int]) -> list[int]:
    """The processes, out of ``pids``, that have one of the sockets open."""
    wanted = set(inodes)
    return [pid for pid in pids if wanted & sockets_of(pid)]


def all_processes() -> list[int]:
    """The ids of all processes of this machine."""
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def program(pid: int) -> str:
    """The command of a process, as the kernel calls it; empty if it is gone."""
    with contextlib.suppress(OSError):
        return Path("/proc", str(pid), "comm").read_text().strip()
    return ""


def name(pid: int) -> str:
    """A process as a person reads it: its command and id."""
    command = program(pid)
    return f"{command} (process {pid})" if command else f"process {pid}"
