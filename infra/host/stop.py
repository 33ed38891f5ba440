"""Asks the programs below a shell to stop: what systemd runs before it sends SIGTERM to a process of an app.

systemd sends SIGTERM to a unit's main process alone, because servers such as celery stop their children themselves.
Where the main process is a shell that waits for the app (``a | b``, ``time a``, a start script without ``exec``), the
shell dies of it and the app would be killed without being asked. So the shells and what they started get SIGTERM here,
and systemd waits until they have ended. Runs as the app's user; a main process that is no shell is left to systemd.

This file is installed on its own and imports nothing but the standard library.
"""

import contextlib
import os
import signal
import time

SHELLS = ("bash", "dash", "sh", "busybox", "zsh", "ksh")


def parents() -> dict[int, tuple[int, str]]:
    """Every process that we can see: its parent and when it was born."""
    found = {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as stream:  # noqa: PTH123
                fields = stream.read().rsplit(")", 1)[1].split()
                if fields[0] != "Z":
                    found[int(name)] = (int(fields[1]), fields[19])
    return found


def is_shell(pid: int) -> bool:
    """Whether a process runs a shell, be it for a command line or for a script."""
    with contextlib.suppress(OSError):
        return os.path.basename(os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")) in SHELLS  # noqa: PTH115, PTH119
    return False


def below(main: int, seen: dict[int, tuple[int, str]]) -> list[int]:
    """A shell and what it started, through further shells but not below other programs."""
    found = [main]
    for pid in found:
        if is_shell(pid):
            found += [child for child, (parent, _) in seen.items() if parent == pid and child != os.getpid()]
    return found


def main() -> None:
    """Ask and wait; systemd's TimeoutStopSec ends us where they do not stop."""
    shell = int(os.environ.get("MAINPID") or 0)
    if not shell or not is_shell(shell):
        return
    seen = parents()
    asked = {pid: seen[pid] for pid in below(shell, seen) if pid in seen}
    for pid in asked:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGTERM)
    while True:
        now = parents()
        # A shell that died leaves its children to another parent: a process is known by its birth alone.
        if not any(pid in now and now[pid][1] == born for pid, (_, born) in asked.items()):
            return
        time.sleep(0.05)


if __name__ == "__main__":
    main()
