"""Runs systemctl: units are started, stopped, enabled and asked for their state."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

from infra.agent.system import manifest, sh, unit_state
from infra.agent.system.layout import UNITS
from infra.agent.system.unit_state import PROPERTIES, UnitState

WANTS = UNITS / "multi-user.target.wants"
TIMERS = UNITS / "timers.target.wants"
SOCKETS = UNITS / "sockets.target.wants"


def reload() -> None:
    """Have systemd read changed unit files."""
    sh.run(["systemctl", "daemon-reload"], doing="systemctl daemon-reload")


def is_stale(unit: str) -> bool:
    """Whether a unit's files have changed since systemd read them, as after a kill between write and reload."""
    return sh.run(["systemctl", "show", unit, "--property=NeedDaemonReload", "--value"]).out.strip() == "yes"


def active_as_written(*names: str) -> set[str]:
    """Those of these units that are active, and of whose files systemd has read what is in them now."""
    if not names:
        return set()
    wanted = "--property=Id,ActiveState,NeedDaemonReload"
    shown = unit_state.blocks(sh.run(["systemctl", "show", *names, wanted]).out)
    return {
        each["Id"] for each in shown if each and (each["ActiveState"], each["NeedDaemonReload"]) == ("active", "no")
    }


def next_elapse(*timers: str) -> dict[str, float]:
    """When each of these timers starts its unit next, in seconds since the epoch; without those that do not know."""
    if not timers:
        return {}
    argv = ["systemctl", "show", *timers, "--property=Id,NextElapseUSecRealtime"]
    shown = unit_state.blocks(sh.run(argv, env={"TZ": "UTC"}).out)
    times = {each["Id"]: unit_state.utc(each.get("NextElapseUSecRealtime", "")) for each in shown if each}
    return {name: when for name, when in times.items() if when is not None}


def start(unit: str) -> None:
    """Start a unit. If that fails, its state says so."""
    sh.run(["systemctl", "reset-failed", unit])
    sh.run(["systemctl", "start", unit])


def restart(*names: str, wait: bool = True) -> None:
    """Restart units; without ``wait``, return while their old processes are still stopping."""
    sh.run(["systemctl", "restart", *([] if wait else ["--no-block"]), *names])


def stop(unit: str, wait: float | None = None) -> bool:
    """Stop a unit.

    Args:
        unit: The unit.
        wait: Seconds to wait at most; by default until it has stopped. systemd goes on stopping it in any case.

    Returns:
        Whether it has stopped.
    """
    sh.run(["systemctl", "stop", *([] if wait is None else ["--no-block"]), unit])
    until = time.monotonic() + (wait or 0)
    while wait is not None and not state(unit).is_stopped:
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    sh.run(["systemctl", "reset-failed", unit])
    return True


def stop_all(names: Sequence[str]) -> None:
    """Stop units at the same time, and wait until all have stopped."""
    if names:
        sh.run(["systemctl", "stop", *names])


def start_all(names: Sequence[str]) -> None:
    """Start units, unless they run already; their states say how that went."""
    if names:
        sh.run(["systemctl", "reset-failed", *names])
        sh.run(["systemctl", "start", *names])


def end(unit: str, grace: float = 1.0) -> None:
    """Stop a unit that has nothing left to finish, and kill its processes after ``grace`` seconds."""
    if not stop(unit, grace):
        sh.run(["systemctl", "kill", "--signal=SIGKILL", unit])
        stop(unit)


def state(unit: str) -> UnitState:
    """A unit's state now."""
    return states(unit)[unit]


def states(*names: str) -> dict[str, UnitState]:
    """The states of several units by name, asked for at once; an empty one for a unit that systemd does not show."""
    if not names:
        return {}
    shown = sh.run(["systemctl", "show", *names, f"--property={','.join(('Id', *PROPERTIES))}"]).out
    return {**dict.fromkeys(names, UnitState()), **unit_state.parse(shown)}


def running(unit: str) -> bool:
    """Whether a unit's main process runs."""
    return state(unit).is_running


def instances(template: str) -> list[str]:
    """The names of the instances of ``<template>@`` that run, are about to, or have failed.

    systemd may know a stopped one for long: one that started at boot until it reads its files anew.
    """
    listed = sh.run(["systemctl", "list-units", "--plain", "--no-legend", f"{template}@*.service"]).out
    units = [line.split()[0] for line in listed.splitlines() if line.strip()]
    return [name.split("@", 1)[1].removesuffix(".service") for name in units]


def enable(unit: str, file: Path, wants: Path = WANTS) -> None:
    """Start a unit at boot: by a link, as ``systemctl enable`` makes it, but without reloading all of systemd.

    The manifest notes it, and so that the unit should run.

    Args:
        unit: The unit.
        file: Its file.
        wants: The directory of links of the target that starts it.
    """
    link = wants / unit
    manifest.note(link, manifest.Entry(manifest.LINK, str(file)))
    wants.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):
        if link.readlink() == file:
            return
    temporary = wants / f".{unit}.{os.getpid()}"
    temporary.symlink_to(file)
    temporary.replace(link)


def disable(unit: str, wants: Path = WANTS) -> None:
    """Start a unit no longer at boot."""
    manifest.forget(wants / unit)
    (wants / unit).unlink(missing_ok=True)


def enabled(template: str) -> list[str]:
    """The names of the instances of ``<template>@`` that start at boot."""
    links = WANTS.glob(f"{template}@*.service") if WANTS.is_dir() else []
    return sorted(link.name.split("@", 1)[1].removesuffix(".service") for link in links)


def processes(unit: UnitState) -> list[int]:
    """The process ids of everything that belongs to a unit, in order."""
    if not unit.control_group:
        return []
    # cgroup v2 keeps them under the root, v1 under systemd's own hierarchy.
    for root in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/systemd")):
        top = root / unit.control_group.lstrip("/")
        with contextlib.suppress(OSError):
            lists = [path.read_text() for path in [top / "cgroup.procs", *top.glob("**/cgroup.procs")]]
            return sorted({int(pid) for text in lists for pid in text.split()})
    return []
