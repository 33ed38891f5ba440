"""Removes and measures what belongs to the app's user, safe from anything the app may do meanwhile.

Root opens the directory itself, by a name that only root can change, and closes it to the app. A program that has
root's rights only there then removes what is in it: everything else is read-only to it, and it follows no links. (If it
ran as the app's user, the app could reach it through /proc, and keep it busy for ever.)
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from infra.agent.system import paths, say, sh
from infra.agent.system.layout import App

LIMIT = 120
"""Seconds that removing or measuring may take."""
CONFINED = (
    *("ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "PrivateDevices=yes", "PrivateNetwork=yes"),
    *("NoNewPrivileges=yes", "CapabilityBoundingSet=CAP_DAC_OVERRIDE CAP_FOWNER", "UMask=0077"),
    *(f"RuntimeMaxSec={LIMIT}", "TimeoutStopSec=5", "Nice=15", "IOSchedulingClass=idle"),
)


def remove(app: App, gone: Iterable[Path]) -> None:
    """Remove directories of the app's with everything in them; their parent directory has to be root's.

    A directory that cannot be removed in time is a warning, and stays until the next deployment.
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
    """Close a directory to the app."""
    handle = paths.open_directory(path)
    try:
        os.fchown(handle, 0, 0)
        os.fchmod(handle, 0o700)
    finally:
        os.close(handle)


def empty(app: App, directories: Iterable[Path]) -> None:
    """Remove everything in directories of the app's; their parent directory has to be root's."""
    there = [str(path) for path in directories if path.is_dir() and not path.is_symlink()]
    if there:
        _run(app, ["find", *there, "-xdev", "-mindepth", "1", "-delete"], tuple(there))


def sizes(app: App, directories: Iterable[Path]) -> dict[Path, int]:
    """The bytes that directories take on the disk, by path; without those that could not be measured."""
    there = [str(path) for path in directories if path.is_dir() and not path.is_symlink()]
    if not there:
        return {}
    listed = _run(app, ["du", "--summarize", "--one-file-system", "--block-size=1", "--", *there], ()).out
    rows = [line.split("\t", 1) for line in listed.splitlines() if "\t" in line]
    return {Path(path): int(size) for size, path in rows if size.isdigit()}


def _run(app: App, argv: list[str], writable: tuple[str, ...]) -> sh.Finished:
    unit = app.task(f"tidy-{os.getpid()}")
    options = [f"--property={value}" for value in (*CONFINED, *(f"ReadWritePaths={path}" for path in writable))]
    return sh.run(["systemd-run", "--pipe", "--wait", "--collect", "--quiet", f"--unit={unit}", *options, *argv])
