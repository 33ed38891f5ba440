"""Runs the cache of an app: its Redis is there, as the settings say, before a release starts."""

from __future__ import annotations

import time
from pathlib import Path

from infra.agent.process import worker_count
from infra.agent.services import cache_unit
from infra.agent.system import files, journal, say, sh, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.layout import UNITS, App
from infra.protocol.services import Cache

LOG_LINES = 8
"""Lines of its log that say why it does not start."""


def packages(cache: Cache) -> tuple[str, ...]:
    """The Debian packages that the settings ask for."""
    return (cache_unit.PACKAGE,) if cache.kind else ()


def ensure(app: App, cache: Cache) -> bool:
    """Have the cache run as the settings say, now and after a reboot, or not at all. Says whether anything changed.

    One that runs so already goes on. The app's user owns what it keeps; root neither reads nor asks it.

    Args:
        app: The app, whose user and directories are there.
        cache: What the settings say.

    Raises:
        Failure: It does not start, with what it said.
    """
    if not cache.kind:
        return _stop(app)
    file, unit = UNITS / app.cache_unit, app.cache_unit
    written = files.write(file, cache_unit.text(app, cache, worker_count.machine_memory()))
    if written or systemd.is_stale(unit):
        systemd.reload()
    current = _is_current(unit, file)
    if not current:
        say.step("cache", f"starting {unit}")
        sh.run(["systemctl", "reset-failed", unit])
        sh.run(["systemctl", "restart", unit])
    check(app)
    systemd.enable(unit, file)
    return written or not current


def is_there(app: App) -> bool:
    """Whether the machine runs a cache for the app, or should."""
    return (UNITS / app.cache_unit).exists()


def check(app: App) -> None:
    """Have the cache run, and answer.

    Raises:
        Failure: It does not, with what it said.
    """
    unit = app.cache_unit
    if systemd.running(unit):
        return
    # It may be starting anew just now; that is over when this one is.
    sh.run(["systemctl", "start", unit])
    state = systemd.state(unit)
    if not state.is_running:
        if not is_there(app):
            raise Failure("This machine has no cache for the app (launchpad:cache): pulumi up")
        log = "\n".join(journal.tail(unit, lines=LOG_LINES))
        raise Failure(f"The cache (launchpad:cache) does not start: {unit} is {state.describe()}\n{log}")


def _is_current(unit: str, file: Path) -> bool:
    """Whether it runs, by its file as it is now: a run that was killed may have written that, and restarted nothing."""
    state = systemd.state(unit)
    began = time.time() - time.monotonic() + state.started_at
    return state.is_running and began >= file.stat().st_mtime


def _stop(app: App) -> bool:
    """Take the cache away; what it held stays, among the app's data."""
    file = UNITS / app.cache_unit
    systemd.disable(app.cache_unit)
    if not file.exists():
        return False
    say.step("cache", f"stopping {app.cache_unit}; what it held stays in {app.cache_data}")
    sh.run(["systemctl", "stop", app.cache_unit])
    files.remove_tree(file)
    systemd.reload()
    return True
