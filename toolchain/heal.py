"""Clean up after a killed `pulumi` in this clone's own state, so that the next command works. Standard library only.

toolchain/bin/pulumi runs this before the real pulumi if there are locks, unfinished operations or an empty state file.
For each stack, it removes locks whose process has ended, ends the plugins that the process left running, puts a copy in
the place of a state that was cut off, and settles its unfinished operations. It prints one line for each of these. It
keeps locks that are held or were created on another computer.

Pulumi warns about unfinished operations at every later update, and a destroy would forget an unfinished creation.
Launchpad's own operations may be repeated at any time, so the next update repeats them. The embedded machine's id is
known beforehand: its creation is recorded as started, so that the next update completes it and a destroy removes it.
Other resources, such as those of a cloud, may exist without being in the state, so a person has to check them.
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
"""Variable that toolchain/bin/pulumi sets to its process id, which the real pulumi keeps; its plugins inherit it."""

PLUGINS = ("pulumi-language-", "pulumi-resource-", "pulumi.dynamic")
"""Strings that identify a plugin's command line. A machine started by a plugin has the variable, but none of these."""

REPEATABLE = ("pulumi-python:dynamic", "command:")
"""Types whose operations may be repeated."""

MACHINE = ":EmbeddedMachine"


def say(text: str) -> None:
    """Print a message for the user."""
    print(f"launchpad: {text}", file=sys.stderr)


def is_held(lock: dict[str, Any]) -> bool:
    """Whether the process that created the lock may still be running."""
    if lock.get("hostname") != socket.gethostname() or not Path("/proc/self").exists():
        return True
    try:
        return Path(f"/proc/{int(lock['pid'])}/comm").read_text().startswith("pulumi")
    except OSError:
        return False


def end_plugins(pid: int, state: Path) -> None:
    """End the plugins of a pulumi that has ended: with SIGTERM, and after a second with SIGKILL."""
    marks = {f"{MARK}={pid}".encode(), f"PULUMI_BACKEND_URL=file://{state}".encode()}

    def remaining() -> list[int]:
        pids = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command_line = (process / "cmdline").read_bytes().decode(errors="replace")
                variables = {*(process / "environ").read_bytes().split(b"\0")}
                if marks <= variables and any(name in command_line for name in PLUGINS):
                    pids.append(int(process.name))
            except OSError:  # it has ended or belongs to another user
                continue
        return pids

    for number in (signal.SIGTERM, signal.SIGKILL):
        for plugin in remaining():
            os.kill(plugin, number)
        deadline = time.monotonic() + 1
        while remaining() and time.monotonic() < deadline:
            time.sleep(0.05)


def take_over(locks: Path, state: Path) -> bool:
    """Remove the locks of processes that have ended; returns False if a lock is held."""
    free = True
    for file in sorted(locks.glob("*.json")):
        try:
            lock = json.loads(file.read_text())
        except FileNotFoundError:  # just released
            continue
        except ValueError:  # cut off by the kill: pulumi puts whole files into place
            file.unlink(missing_ok=True)
            continue
        if is_held(lock):
            free = False
            continue
        end_plugins(int(lock["pid"]), state)
        file.unlink(missing_ok=True)
        file.with_name(file.name + ".attrs").unlink(missing_ok=True)
        say(f"removed the lock of pid {lock['pid']}, which is no longer running")
    return free


def checkpoint(file: Path) -> dict[str, Any] | None:
    """The document in a state file; None if it is missing or was cut off."""
    try:
        document = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return document if isinstance(document, dict) and "checkpoint" in document else None


def restore(file: Path) -> bool:
    """Put the previous state back if a killed pulumi left an empty file; returns whether the state can be read.

    Pulumi copies the state to ``.bak`` before each write, so at most one step of the update is missing. The next update
    repeats it. Seen once in some hundred kills: every later command ended with "failed to load checkpoint: EOF".
    """
    if checkpoint(file) is not None:
        return True
    backup = file.with_name(file.name + ".bak")
    if checkpoint(backup) is None:
        say(f"{file} was damaged when pulumi was killed, and there is no copy of it: restore it from a backup of yours")
        return False
    write(file, backup.read_text())
    say(f"{file.stem}: the state was cut off when pulumi was killed; its previous version is back in place")
    return True


def write(file: Path, text: str) -> None:
    """Replace a state file, readable by its owner only."""
    new = file.with_name(file.name + ".new")
    new.touch(mode=0o600)
    new.write_text(text)
    new.replace(file)


def settle(file: Path) -> None:
    """Settle the unfinished operations in a stack's state file."""
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
            started = {**resource, "id": resource["inputs"]["machine"], "outputs": resource["inputs"]}
            latest["resources"].append(started)
        name = resource["urn"].rpartition("::")[2]
        say(f"{name}: {operation['type']} was interrupted; the next update repeats it, a destroy undoes it")
    if kept == latest.get("pending_operations", kept):
        return
    latest["pending_operations"] = kept
    if not kept:
        del latest["pending_operations"]
    write(file, json.dumps(document, indent=4))


def main() -> None:
    """Check every stack in the state directory that is the argument."""
    state = Path(sys.argv[1])
    for file in sorted((state / ".pulumi/stacks").glob("*/*.json")):
        locks = state / ".pulumi/locks/organization" / file.parent.name / file.stem
        if take_over(locks, state) and restore(file):
            settle(file)


if __name__ == "__main__":
    main()
