"""What Launchpad put on the machine for one app: stops it and removes it."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from infra.agent.backup import at_boot
from infra.agent.build.repository import PUSHING
from infra.agent.process import pause
from infra.agent.process.timers import STAMPS
from infra.agent.release import leftovers
from infra.agent.system import data_places, files, names, owned, say, sh, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.layout import FILE_SOCKETS, MOVED, RUN, SUSPENDED, UNITS, App
from infra.protocol import paths


def is_known(app: App) -> bool:
    """Whether ``prepare`` has begun with the app here, or its removal is not complete."""
    return app.settings.parent.is_dir() or names.is_ours(app)


def stop(app: App) -> None:
    """Stop everything of the app: first what starts something, then what runs."""
    say.step("stop", f"stopping {app.name}")
    systemd.stop_all(pause.starters(app))
    for pid in leftovers.processes(PUSHING, app.name):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    systemd.stop_all(pause.loaded(app))


def remove(app: App, *, keep_data: bool) -> list[str]:
    """Remove everything of the app, last what it is known by.

    Args:
        app: The app, stopped.
        keep_data: Whether its data stays, and its user.

    Returns:
        What could not be removed, and why.
    """
    say.step("remove", f"removing the files of {app.name}")
    units = pause.loaded(app)
    gone = _files(app)
    for path in gone:
        files.remove_tree(path)
    # Links to units are in folders that systemctl disable removes, too, once nothing is in them.
    shared = {path.parent for path in gone if path.parent.suffix == ".wants"} | {
        FILE_SOCKETS,
        SUSPENDED,
        Path(paths.CACHES),
    }
    for folder in shared:
        with contextlib.suppress(OSError):
            folder.rmdir()
    systemd.reload()
    if units:
        sh.run(["systemctl", "reset-failed", *units])
    left = data_places.release(app, keep=keep_data)
    left += _remove_home(app, keep_data=keep_data)
    files.remove_tree(app.certificates)
    files.remove_tree(app.state)
    for path in RUN.glob(f"app-{app.name}.*"):
        files.remove_tree(path)
    if not keep_data:
        try:
            names.remove_user(app)
        except Failure as failure:
            left.append(str(failure))
    for path in app.settings.parent.iterdir() if app.settings.parent.is_dir() else []:
        files.remove_tree(path)
    if not left:
        # By this folder the next run would find that there is something to do.
        files.remove_tree(app.settings.parent)
    return left


def _files(app: App) -> list[Path]:
    """The app's files outside of its own folders."""
    jobs = app.job_template.stem
    units = [app.template, app.job_template, UNITS / app.cache_unit, at_boot.unit(app), *app.all_dropins()]
    units += [*UNITS.glob(f"{jobs}*.timer"), *UNITS.glob(f"{jobs}*.service.d")]
    units += [UNITS / name for name in app.files_units]
    links = [f"{app.name}@*.service", f"{jobs}*.timer", f"{app.files_unit}.socket", app.cache_unit]
    links.append(at_boot.unit(app).name)
    units += [path for pattern in links for path in UNITS.glob(f"*.wants/{pattern}")]
    stamps = STAMPS.glob(f"stamp-{jobs}*.timer")
    return [*units, *stamps, app.tmp_rule, app.files_socket, app.suspended]


def _remove_home(app: App, *, keep_data: bool) -> list[str]:
    """Remove the app's folder; what is in it may be the app's, who can have put anything there."""
    if not app.home.is_dir():
        return []
    gone = [app.home / name for name in sorted(names.HOME) if not (keep_data and name == app.data.name)]
    gone += [path for path in sorted(app.home.glob(f"{app.data.name}{MOVED}*")) if not keep_data]
    mounted = [path for path in gone if path.is_mount()]
    owned.empty(app, mounted)
    owned.remove(app, [path for path in gone if path not in mounted])
    for path in mounted:
        say.step("remove", f"{path} is empty; it stays, as a disk of its own is mounted there")
    expected = {*mounted, *([app.data] if keep_data else [])}
    left = [
        f"{path}: {'could not be emptied in time; run it again' if path in gone else 'Launchpad did not put it there'}"
        for path in sorted(set(app.home.iterdir()) - expected)
    ]
    with contextlib.suppress(OSError):
        app.home.rmdir()
    return left
