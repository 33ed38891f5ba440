"""Removes and measures what belongs to the app's user, so that nothing the app does leads elsewhere or takes for ever.

Root opens the directory itself, by a name that only root can change, and closes it to the app. What is in it is then
removed by a program that has the rights of root only there: everything else is read-only to it, and links are not
followed. (As the app's user it could be reached by the app through /proc, and be kept busy without an end.)
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from . import paths, say, sh
from .layout import App

LIMIT = 120
"""Seconds that removing or measuring may take."""
CONFINED = (
    *("ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "PrivateDevices=yes", "PrivateNetwork=yes"),
    *("NoNewPrivileges=yes", "CapabilityBoundingSet=CAP_DAC_OVERRIDE CAP_FOWNER", "UMask=0077"),
    *(f"RuntimeMaxSec={LIMIT}", "TimeoutStopSec=5", "Nice=15", "IOSchedulingClass=idle"),
)


def remove(app: App, gone: Iterable[Path]) -> None:
    """Remove directories whose names are in a directory of root's, with everything in them.

    One that cannot be removed in time is told of, and stays until the next deployment.
    """
    closed = []
    for path in gone:
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        if not stat.S_ISDIR(status.st_mode):
            path.unlink()
        else:
            _close(path)
            closed.append(path)
    empty(app, closed)
    for path in closed:
        try:
            path.rmdir()
        except OSError as error:
            say.step("warning", f"{path} cannot be removed ({error.strerror}); the next deployment tries again")


def _close(path: Path) -> None:
    """Take away from the app the way into a directory."""
    handle = paths.open_directory(path)
    try:
        os.fchown(handle, 0, 0)
        os.fchmod(handle, 0o700)
    finally:
        os.close(handle)


def empty(app: App, directories: Iterable[Path]) -> None:
    """Remove everything in directories, whose names are in a directory of root's."""
    there = [str(path) for path in directories if path.is_dir() and not path.is_symlink()]
    if there:
        _run(app, ["find", *there, "-xdev", "-mindepth", "1", "-delete"], tuple(there))


def sizes(app: App, directories: Iterable[Path]) -> dict[Path, int]:
    """How many bytes directories take on the disk."""
    there = [str(path) for path in directories if path.is_dir() and not path.is_symlink()]
    if not there:
        return {}
    listed = _run(app, ["du", "--summarize", "--one-file-system", "--block-size=1", "--", *there], ()).out
    rows = [line.split("\t", 1) for line in listed.splitlines() if "\t" in line]
    return {Path(path): int(size) for size, path in rows if size.isdigit()}


def _run(app: App, argv: list[str], writable: tuple[str, ...]) -> sh.Done:
    unit = app.task(f"tidy-{os.getpid()}")
    options = [f"--property={value}" for value in (*CONFINED, *(f"ReadWritePaths={path}" for path in writable))]
    return sh.run(["systemd-run", "--pipe", "--wait", "--collect", "--quiet", f"--unit={unit}", *options, *argv])
