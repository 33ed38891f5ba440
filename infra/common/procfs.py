"""Information about a process from /proc."""

from __future__ import annotations

from pathlib import Path


def start_time(pid: int) -> int:
    """The start time of a process in clock ticks since boot; 0 if it has ended, even if it is still a zombie.

    The start time distinguishes a process from a later one with the same id.

    Source: proc_pid_stat(5), field 22.
    """
    try:
        fields = Path("/proc", str(pid), "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])
