"""Asks every process of a unit to stop: what systemd runs (ExecStop) before it would send SIGTERM itself.

systemd can ask the main process alone, because servers such as celery stop their children themselves, or all at once,
which disturbs these. So it is done here, in turns. First the main process is asked; where that is a shell that waits
for the app (``a | b``, ``time a``, a start script without ``exec``), what it started is asked with it. Once these have
ended, whatever is left of the unit is asked: helpers that a start script left in the background, and ``tee`` at the end
of a pipe, which must not go before what writes to it. What has not ended in time is killed.

Called with the seconds that all of this may take. Runs as the app's user. This file is installed on its own and imports
nothing but the standard library.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable

SHELLS = ("bash", "dash", "sh", "busybox", "zsh", "ksh")
FILTERS = ("tee", "cat", "grep", "egrep", "sed", "gawk", "mawk", "awk", "logger", "ts", "cronolog", "rotatelogs")
"""Programs that end by themselves once nobody writes to them any more."""
INTERVAL = 0.05
"""Seconds between two looks at what still runs."""

DEFAULT = 30.0
CRASHED = 5.0
"""Seconds that what is left of a unit may take whose main process has ended by itself, and is about to start again."""


def parents() -> dict[int, tuple[int, str]]:
    """Every process that we can see: its parent and its start time (clock ticks since boot), by id."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    return {pid: found for pid in pids if (found := look(pid))}


def look(pid: int) -> tuple[int, str] | None:
    """The parent and the start time of a process; None if it has ended."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:  # noqa: PTH123
        fields = stream.read().rsplit(")", 1)[1].split()
        return (int(fields[1]), fields[19]) if fields[0] != "Z" else None
    return None


def program(pid: int) -> str:
    """The name of the program that a process runs; empty if it has ended."""
    with contextlib.suppress(OSError):
        return os.path.basename(os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)"))  # noqa: PTH115, PTH119
    return ""


def first(main: int, seen: dict[int, tuple[int, str]]) -> list[int]:
    """Who is asked first: the main process; if it is a shell, also what it started, through further shells.

    Not below other programs, which stop their children themselves; and no filters.

    Args:
        main: The main process.
        seen: All processes (see ``parents``).
    """
    asked = [main]
    for pid in asked:
        if program(pid) in SHELLS:
            children = [child for child, (parent, _) in seen.items() if parent == pid and child != os.getpid()]
            asked += [child for child in children if program(child) not in FILTERS]
    return asked


class Unit:
    """The unit that we belong to."""

    def __init__(self) -> None:
        """Find out which one it is.

        Raises:
            RuntimeError: We belong to none: whatever shares our control groups is none of our business.
        """
        self.group = self.group_of(os.getpid())
        if not any(line.endswith(".service") for line in self.group.splitlines()):
            raise RuntimeError("this is for systemd to run, as ExecStop of a unit")

    @staticmethod
    def group_of(pid: int) -> str:
        """The control groups of a process; empty if it has ended."""
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cgroup", encoding="utf-8") as stream:  # noqa: PTH123
            return stream.read()
        return ""

    def left(self) -> dict[int, str]:
        """The start times of the unit's processes but ourselves, by id."""
        own = os.getpid()
        return {pid: start for pid, (_, start) in parents().items() if pid != own and self.group_of(pid) == self.group}


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to processes, some of which may have ended."""
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, number)


def ask_first(main: int, until: float) -> None:
    """Ask the main process, and what it started if it is a shell; wait until they have ended."""
    seen = parents()
    asked = {pid: seen[pid][1] for pid in first(main, seen) if pid in seen}
    send(asked, signal.SIGTERM)
    # The children of a shell that died get another parent, so a process is recognized by its start time alone.
    while asked and time.monotonic() < until:
        time.sleep(INTERVAL)
        asked = {pid: start for pid, start in asked.items() if (found := look(pid)) and found[1] == start}


def ask_the_rest(unit: Unit, until: float) -> dict[int, str]:
    """Ask each process of the unit that is left, once; returns those that have not ended in time."""
    asked: set[tuple[int, str]] = set()
    while (left := unit.left()) and time.monotonic() < until:
        new = set(left.items()) - asked
        send((pid for pid, _ in new), signal.SIGTERM)
        asked |= new
        time.sleep(INTERVAL)
    return left


def main() -> None:
    """Ask, wait, kill."""
    unit = Unit()
    # A unit that an earlier version wrote gives no time.
    limit = float(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    began = time.monotonic()
    main = int(os.environ.get("MAINPID") or 0)
    if main:
        ask_first(main, began + limit)
    else:
        limit = min(limit, CRASHED)
    if left := ask_the_rest(unit, began + limit):
        names = ", ".join(f"{program(pid)} ({pid})" for pid in sorted(left))
        print(f"not stopped {limit:g} s after SIGTERM, now killed: {names}", flush=True)
        send(left, signal.SIGKILL)


if __name__ == "__main__":
    main()
