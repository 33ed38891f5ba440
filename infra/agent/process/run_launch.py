"""The commands of ``run`` that are under way: their launch files say which release each of them uses."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from infra.agent.system import files, locks, systemd
from infra.agent.system.layout import App
from infra.common import procfs

ENDED = ("inactive", "failed")


@dataclass(frozen=True)
class RunLaunch:
    """The launch file of a command.

    Attributes:
        argv: The program and its arguments.
        cwd: The directory that it starts in.
        env: Its whole environment, secrets included.
        release: The release that it uses.
        pid: The agent that starts it, and waits for it unless it is detached.
        start_time: When that agent started (see ``procfs``); tells it from a later process with its id.
        terminal: Whether it gets a terminal.
        background: Whether it yields to everything else on the machine.
    """

    argv: tuple[str, ...]
    cwd: str
    env: dict[str, str] = field(repr=False)
    release: str
    pid: int
    start_time: int
    terminal: bool = False
    background: bool = True


@contextmanager
def settled(app: App) -> Iterator[None]:
    """No command begins meanwhile, and no release is chosen for removal: each of them sees all that the other did."""
    handle = locks.open_file(app.runs_lock)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write(app: App, number: int, launch: RunLaunch) -> None:
    """Write down how a command starts. From now on its release is in use."""
    files.directory(app.runs, 0o700)
    files.write_json(app.run_launch(number), asdict(launch))


def forget(app: App, number: int) -> None:
    """Have a command that never started use no release."""
    app.run_launch(number).unlink(missing_ok=True)


def under_way(app: App) -> dict[int, RunLaunch]:
    """The commands that are starting or running, by number.

    What is left of one that is gone (the machine lost its power, or the agent was killed before it could start it) is
    removed.
    """
    launches = dict(_launches(app))
    alone = [number for number, launch in launches.items() if not _starter_lives(launch)]
    states = systemd.states(*(app.run(number) for number in alone))
    for number in alone:
        if states[app.run(number)].active in ("", *ENDED):
            forget(app, number)
            del launches[number]
    return launches


def _launches(app: App) -> Iterator[tuple[int, RunLaunch]]:
    for path in sorted(app.runs.glob("*.json")) if app.runs.is_dir() else []:
        if launch := _read(path):
            yield int(path.stem), launch


def _read(path: Path) -> RunLaunch | None:
    """The launch in a file; None if it is damaged, or nothing of ours."""
    value = files.read_json(path) if path.stem.isdigit() else None
    try:
        return RunLaunch(**{**value, "argv": tuple(value["argv"])}) if value else None
    except (KeyError, TypeError):
        return None


def _starter_lives(launch: RunLaunch) -> bool:
    """Whether the agent that starts the command, or waits for it, still runs."""
    started = procfs.start_time(launch.pid)
    return bool(started) and started == launch.start_time
