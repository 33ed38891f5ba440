"""Clears away what a killed deployment left: processes of git, lock files of the clone, keys, temporary files."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from infra.agent.build.repository import DEPLOYING, INCOMING, PUSHING
from infra.agent.system import files, say, sh, sockets
from infra.agent.system.layout import App

YOUNG = 60.0
"""Seconds for which a lock file may belong to a push under way; a push holds one only for an instant."""


def clear(app: App) -> None:
    """Clear all of it away.

    Only for the holder of the app's lock: no other deployment can be running then. A push can.
    """
    _end(app)
    files.remove_tree(app.scratch)
    for old in Path(tempfile.gettempdir()).glob("launchpad-*"):  # where earlier versions kept keys
        if re.match(r"launchpad-(ssh|index)-", old.name) and old.lstat().st_uid == 0 and not old.is_symlink():
            shutil.rmtree(old, ignore_errors=True)
    settings = (app.launches, app.task_launch.parent, app.runs, app.specifications, app.settings.parent)
    for folder in (*settings, app.state, app.built, app.plans):
        files.sweep(folder)
    pushing = any(processes(PUSHING, app.name))
    for path in _unfinished(app.repository):
        if not pushing or time.time() - path.lstat().st_mtime > YOUNG:
            say.step("heal", f"removing {path.relative_to(app.home)}, left by an interrupted deployment")
            files.remove_tree(path)


def _unfinished(clone: Path) -> list[Path]:
    """The lock files, half-written packs and empty refs of a clone, and a file of Git LFS that was on its way."""
    locks = [*clone.glob("*.lock"), *(clone / "refs").rglob("*.lock"), *(clone / "objects/info").rglob("*.lock")]
    packs = clone / "objects/pack"
    # After a power failure a ref that git was writing may be empty, which git takes for a broken repository.
    empty = [path for path in (clone / "refs").rglob("*") if path.is_file() and path.stat().st_size == 0]
    left = [*locks, *empty, *packs.glob("*.lock"), *packs.glob("tmp_*"), *(clone / "objects").glob("*incoming-*")]
    left += clone.glob(INCOMING)
    return list(dict.fromkeys(left))


def _end(app: App) -> None:
    """End the processes of git that are still running: they would write into the clone at the same time as ours."""
    began = time.monotonic()
    while (running := list(processes(DEPLOYING, app.name))) and time.monotonic() - began < 2 * sh.GRACE:
        for pid in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM if time.monotonic() - began < sh.GRACE else signal.SIGKILL)
        time.sleep(0.05)


def processes(variable: str, value: str) -> Iterator[int]:
    """The ids of root's processes that have a variable with this value in their environment."""
    for pid in sockets.all_processes():
        folder = Path("/proc", str(pid))
        with contextlib.suppress(OSError):
            environment = (folder / "environ").read_bytes().split(b"\0") if folder.stat().st_uid == 0 else []
            if f"{variable}={value}".encode() in environment:
                yield pid
