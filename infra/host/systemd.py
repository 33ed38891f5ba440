"""systemd, as far as we need it."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from . import sh
from .layout import UNITS

WANTS = UNITS / "multi-user.target.wants"


def reload() -> None:
    """Let systemd read changed unit files."""
    sh.run(["systemctl", "daemon-reload"], doing="systemctl daemon-reload")


def is_stale(unit: str) -> bool:
    """Whether a unit's files have changed since systemd read them, as after a kill between writing and reloading."""
    return sh.run(["systemctl", "show", unit, "--property=NeedDaemonReload", "--value"]).out.strip() == "yes"


def start(unit: str) -> None:
    """Start a unit; a start that fails is seen in its state."""
    sh.run(["systemctl", "reset-failed", unit])
    sh.run(["systemctl", "start", unit])


def restart(*names: str, wait: bool = True) -> None:
    """Restart units; without ``wait`` their old processes may take their time to stop."""
    sh.run(["systemctl", "restart", *([] if wait else ["--no-block"]), *names])


def stop(unit: str, wait: float | None = None) -> bool:
    """Stop a unit; says whether it ended. ``wait`` limits the seconds we wait; systemd sees to it in any case."""
    sh.run(["systemctl", "stop", *([] if wait is None else ["--no-block"]), unit])
    until = time.monotonic() + (wait or 0)
    while wait is not None and state(unit)["ActiveState"] not in ("inactive", "failed"):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    sh.run(["systemctl", "reset-failed", unit])
    return True


def end(unit: str, grace: float = 1.0) -> None:
    """Stop a unit that has nothing left to finish: after ``grace`` seconds its processes are killed."""
    if not stop(unit, grace):
        sh.run(["systemctl", "kill", "--signal=SIGKILL", unit])
        stop(unit)


PROPERTIES = "ActiveState,SubState,Result,ExecMainCode,ExecMainStatus,MainPID,NRestarts,InvocationID,ControlGroup"
PROPERTIES += ",ExecMainStartTimestampMonotonic"
JUST_STARTED = 10.0
"""Seconds after a restart in which a process that was restarted before counts as ending again and again."""


def state(unit: str) -> dict[str, str]:
    """A unit's properties, by systemd's names."""
    return states(unit)[unit]


def states(*names: str) -> dict[str, dict[str, str]]:
    """The properties of several units, asked for at once."""
    if not names:
        return {}
    shown = sh.run(["systemctl", "show", *names, f"--property=Id,{PROPERTIES}"]).out
    blocks = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in shown.split("\n\n")]
    empty = dict.fromkeys(PROPERTIES.split(","), "")
    return {**dict.fromkeys(names, empty), **{block["Id"]: {**empty, **block} for block in blocks if "Id" in block}}


def started_at(unit_state: dict[str, str]) -> float:
    """When a unit's main process started, by ``time.monotonic``; 0 where none ever did."""
    return int(unit_state["ExecMainStartTimestampMonotonic"] or 0) / 1e6


def has_ended(unit_state: dict[str, str]) -> bool:
    """Whether a unit's main process has ended by itself, be it that systemd starts another in a moment."""
    return unit_state["SubState"].startswith("auto-restart") or unit_state["ActiveState"] == "failed"


def looping(unit_state: dict[str, str]) -> bool:
    """Whether a unit's main process ends again and again."""
    again = int(unit_state["NRestarts"] or 0) > 0
    return has_ended(unit_state) or (again and time.monotonic() - started_at(unit_state) < JUST_STARTED)


def running(unit: str) -> bool:
    """Whether a unit's main process runs."""
    found = state(unit)
    return found["ActiveState"] in ("active", "reloading") and found["MainPID"] not in ("", "0")


def instances(template: str) -> list[str]:
    """The loaded instances of ``<template>@``, by instance name."""
    listed = sh.run(["systemctl", "list-units", "--all", "--plain", "--no-legend", f"{template}@*.service"]).out
    found = [line.split()[0] for line in listed.splitlines() if line.strip()]
    return [name.split("@", 1)[1].removesuffix(".service") for name in found]


def enable(unit: str, template: Path) -> None:
    """Have a unit started at boot. A plain link, as ``systemctl enable`` makes it, without reloading all of systemd."""
    WANTS.mkdir(parents=True, exist_ok=True)
    link = WANTS / unit
    with contextlib.suppress(OSError):
        if link.readlink() == template:
            return
    temporary = WANTS / f".{unit}.{os.getpid()}"
    temporary.symlink_to(template)
    temporary.replace(link)


def disable(unit: str) -> None:
    """Have a unit no longer started at boot."""
    (WANTS / unit).unlink(missing_ok=True)


def enabled(template: str) -> list[str]:
    """The instances of ``<template>@`` that are started at boot."""
    links = WANTS.glob(f"{template}@*.service") if WANTS.is_dir() else []
    return sorted(link.name.split("@", 1)[1].removesuffix(".service") for link in links)


def processes(unit_state: dict[str, str]) -> list[int]:
    """The process ids of everything that belongs to a unit."""
    group = unit_state["ControlGroup"]
    if not group:
        return []
    # cgroup v2 keeps them under the root, v1 under systemd's own hierarchy.
    for root in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/systemd")):
        top = root / group.lstrip("/")
        with contextlib.suppress(OSError):
            found = [path.read_text() for path in [top / "cgroup.procs", *top.glob("**/cgroup.procs")]]
            return sorted({int(pid) for text in found for pid in text.split()})
    return []


def log(unit: str, invocation: str = "", lines: int = 20) -> list[str]:
    """The last lines a unit wrote, of one start of it where ``invocation`` names one."""
    sh.run(["journalctl", "--sync"], timeout=10)
    if not invocation:
        return _journal("--unit", unit, lines=lines)
    # Of a process that ends at once the journal may know the unit only, and no more which start of it this was.
    began = state(unit)["ExecMainStartTimestampMonotonic"]
    found = _journal(f"_SYSTEMD_INVOCATION_ID={invocation}", lines=lines)
    if found or not int(began or 0):
        return found
    return unclaimed(_journal(f"_SYSTEMD_UNIT={unit}", lines=lines, output="json"), int(began))


def unclaimed(entries: Sequence[str], began: int) -> list[str]:
    """The messages of journal entries (JSON) since a time that do not belong to another start of the unit.

    Args:
        entries: One JSON object each, as ``journalctl --output=json`` prints them.
        began: When this start began, in microseconds since boot. To the second is not enough: the slot's process before
            may have written its last line in that same second.
    """
    found = []
    for text in entries:
        entry = json.loads(text)
        message = entry.get("MESSAGE")
        if "_SYSTEMD_INVOCATION_ID" in entry or int(entry.get("__MONOTONIC_TIMESTAMP", 0)) < began:
            continue
        # What is not UTF-8 comes as a list of bytes.
        found += [bytes(message).decode(errors="replace") if isinstance(message, list) else str(message or "")]
    return found


def _journal(*which: str, lines: int, output: str = "cat") -> list[str]:
    argv = ["journalctl", *which, "--lines", str(lines), "--output", output, "--no-pager", "--quiet"]
    return sh.run(argv).out.splitlines()


def describe(unit_state: dict[str, str]) -> str:
    """A unit's state in words: what runs, or how it ended."""
    active, result = unit_state["ActiveState"], unit_state["Result"]
    words = f"{active} ({unit_state['SubState']})"
    if how := ended(unit_state):
        words += f", its main process {how}"
    if result not in ("", "success"):
        words += f", result {result}"
    if unit_state["NRestarts"] not in ("", "0"):
        words += f", restarted {unit_state['NRestarts']} times"
    return words


def ended(unit_state: dict[str, str]) -> str:
    """How a unit's main process ended, in words; empty where it did not."""
    how = {"1": "exited with status", "2": "was killed by signal", "3": "was killed (core dumped) by signal"}
    words = how.get(unit_state["ExecMainCode"], "")
    return f"{words} {unit_state['ExecMainStatus']}" if words else ""
