"""Stops everything of an app for as long as something needs that nobody writes to its data, and starts it again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from infra.agent.system import say, sh, systemd
from infra.agent.system.layout import UNITS, App


def patterns(app: App) -> list[str]:
    """Patterns of the names of an app's units, which fit none of another app's, whatever that is called."""
    return [
        *(f"{app.name}@*.service", f"{app.job_template.stem}*.service", app.every_run, app.task("task")),
        *(app.backup("pack-*"), app.backup("unpack-*"), app.task("restore")),
        *(f"{app.files_unit}.service", f"{app.files_unit}.socket", app.cache_unit),
    ]


def loaded(app: App) -> list[str]:
    """The units of the app that systemd knows: its processes, jobs, commands, and what builds or serves its files."""
    shown = sh.run(["systemctl", "list-units", "--all", "--plain", "--no-legend", *patterns(app)]).out
    return [line.split()[0] for line in shown.splitlines() if line.strip()]


def starters(app: App) -> list[str]:
    """The units that start others of the app's: timers, and the socket of its public files."""
    timers = [path.name for path in UNITS.glob(f"{app.job_template.stem}*.timer")]
    return [*timers, f"{app.files_unit}.socket"]


def started_at_boot(app: App) -> list[str]:
    """The units of the app that start at boot, and so should run."""
    links = [*UNITS.glob(f"*.wants/{app.name}@*.service"), *UNITS.glob(f"*.wants/{app.job_template.stem}*.timer")]
    links += [*UNITS.glob(f"*.wants/{app.files_unit}.socket"), *UNITS.glob(f"*.wants/{app.cache_unit}")]
    return sorted(path.name for path in links)


@contextmanager
def paused(app: App, why: str) -> Iterator[None]:
    """Nothing of the app runs meanwhile.

    Args:
        app: The app.
        why: What for, in words.
    """
    units = [*starters(app), *loaded(app)]
    if any(state.is_running for state in systemd.states(*units).values()):
        say.step("data", f"stopping {app.name} for a moment: {why}")
    systemd.stop_all(starters(app))
    systemd.stop_all(loaded(app))
    try:
        yield
    finally:
        systemd.start_all(started_at_boot(app))
