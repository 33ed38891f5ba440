"""Who listens on which port, read from /proc."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

LISTENING = "0A"


@dataclass(frozen=True)
class Listener:
    """A listening TCP socket; ``inode`` identifies it."""

    address: str
    port: int
    inode: str


def listeners() -> list[Listener]:
    """All listening TCP sockets of this machine, IPv4 and IPv6."""
    found = []
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            found += parse(Path("/proc/net", table).read_text())
    return found


def parse(table: str) -> list[Listener]:
    """The listening sockets in a table of /proc/net."""
    found = []
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == LISTENING:
            address, port = fields[1].rsplit(":", 1)
            found.append(Listener(_address(address), int(port, 16), fields[9]))
    return found


def _address(text: str) -> str:
    if not text.strip("0"):
        return "*"
    if len(text) == 8:
        return ".".join(str(byte) for byte in reversed(bytes.fromhex(text)))
    return "::1" if text == "00000000000000000000000001000000" else f"[{text.lower()}]"


def sockets_of(pid: int) -> set[str]:
    """The inodes of the sockets that a process has open."""
    found = set()
    with contextlib.suppress(OSError):
        for link in Path("/proc", str(pid), "fd").iterdir():
            with contextlib.suppress(OSError):
                if match := re.fullmatch(r"socket:\[(\d+)\]", str(link.readlink())):
                    found.add(match[1])
    return found


def holders(inodes: Iterable[str], pids: Iterable[int]) -> list[int]:
    """Those of the processes that have one of the sockets open."""
    wanted = set(inodes)
    return [pid for pid in pids if wanted & sockets_of(pid)]


def all_processes() -> list[int]:
    """The ids of all processes of this machine."""
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def name(pid: int) -> str:
    """A process in words: its command and id."""
    with contextlib.suppress(OSError):
        return f"{Path('/proc', str(pid), 'comm').read_text().strip()} (process {pid})"
    return f"process {pid}"


def born(pid: int) -> str:
    """When a process started, in clock ticks since boot: tells it from a later one with its id. Empty if gone."""
    with contextlib.suppress(OSError, IndexError):
        return Path("/proc", str(pid), "stat").read_text().rsplit(")", 1)[1].split()[19]
    return ""
