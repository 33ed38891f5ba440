"""Clear what a killed `pulumi` left in this clone's own state, so that the next command works. Standard library only.

Run by toolchain/bin/pulumi, before the real one, when there are locks or unfinished operations. For each stack:
a lock whose process is gone is taken over, plugins which that process left running are ended, and its unfinished
operations are settled. Says in one line each what it did. A lock that is held, or was made on another computer, stays.

Unfinished operations: Pulumi warns of them at every later update, and a destroy would forget what a creation had begun.
Ours may be repeated at any time, so they are simply done again by the next update. The embedded machine's id is known
beforehand: its creation is recorded as begun, so that the next update finishes it and a destroy removes it. What is
of other kinds (a cloud's resources) may exist unknown to the state, so that stays for a person to look at.
"""

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

MARK = "LAUNCHPAD_PULUMI_PID"
"""Set by toolchain/bin/pulumi to its own process id, which the real pulumi keeps, and inherited by its plugins."""

PLUGINS = ("pulumi-language-", "pulumi-resource-", "pulumi.dynamic")
"""What a command line of a plugin has in it. A machine that a plugin started has the mark too, but none of these."""

REPEATABLE = ("pulumi-python:dynamic", "command:")
"""Types whose operations may be repeated."""

MACHINE = ":EmbeddedMachine"


def say(text: str) -> None:
    """Tell the user."""
    print(f"launchpad: {text}", file=sys.stderr)


def is_held(lock: dict[str, Any]) -> bool:
    """Whether the process that made the lock may still be at work."""
    if lock.get("hostname") != socket.gethostname() or not Path("/proc/self").exists():
        return True
    try:
        return Path(f"/proc/{int(lock['pid'])}/comm").read_text().startswith("pulumi")
    except OSError:
        return False


def end_plugins(pid: int, state: Path) -> None:
    """End the plugins of a pulumi that is gone: politely, then after a second not."""
    marks = {f"{MARK}={pid}".encode(), f"PULUMI_BACKEND_URL=file://{state}".encode()}

    def left() -> list[int]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().decode(errors="replace")
                variables = {*(process / "environ").read_bytes().split(b"\0")}
                if marks <= variables and any(name in words for name in PLUGINS):
                    found.append(int(process.name))
            except OSError:  # it has ended, or is someone else's
                continue
        return found

    for number in (signal.SIGTERM, signal.SIGKILL):
        for plugin in left():
            os.kill(plugin, number)
        patience = time.monotonic() + 1
        while left() and time.monotonic() < patience:
            time.sleep(0.05)


def take_over(locks: Path, state: Path) -> bool:
    """Remove the locks of processes that are gone. False when one is held."""
    free = True
    for file in sorted(locks.glob("*.json")):
        try:
            lock = json.loads(file.read_text())
        except FileNotFoundError:  # just given back
            continue
        if is_held(lock):
            free = False
            continue
        end_plugins(int(lock["pid"]), state)
        file.unlink(missing_ok=True)
        file.with_name(file.name + ".attrs").unlink(missing_ok=True)
        say(f"took over a lock of pid {lock['pid']}, which is no longer running")
    return free


def settle(file: Path) -> None:
    """Settle the unfinished operations of a stack whose state is in the file."""
    document = json.loads(file.read_text())
    latest = document["checkpoint"].get("latest") or {}
    kept = []
    for operation in latest.get("pending_operations") or []:
        resource = operation["resource"]
        if not resource["type"].startswith(REPEATABLE):
            kept.append(operation)
            continue
        known = {each["urn"] for each in latest["resources"]}
        if operation["type"] == "creating" and resource["type"].endswith(MACHINE) and resource["urn"] not in known:
            begun = {**resource, "id": resource["inputs"]["machine"], "outputs": resource["inputs"]}
            latest["resources"].append(begun)
        name = resource["urn"].rpartition("::")[2]
        say(f"{name}: {operation['type']} was interrupted; the next update does it again, a destroy undoes it")
    if kept == latest.get("pending_operations", kept):
        return
    latest["pending_operations"] = kept
    if not kept:
        del latest["pending_operations"]
    new = file.with_name(file.name + ".new")
    new.touch(mode=0o600)
    new.write_text(json.dumps(document, indent=4))
    new.replace(file)


def main() -> None:
    """Look at every stack of the state whose directory is the argument."""
    state = Path(sys.argv[1])
    for file in sorted((state / ".pulumi/stacks").glob("*/*.json")):
        locks = state / ".pulumi/locks/organization" / file.parent.name / file.stem
        if take_over(locks, state):
            settle(file)


if __name__ == "__main__":
    main()
