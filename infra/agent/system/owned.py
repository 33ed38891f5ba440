"""Removes and measures what belongs to the app's user, safe from anything the app may do meanwhile.

Root opens the directory itself, by a name that only root can change, and closes it to the app. A program that has
root's rights only there then removes what is in it: everything else is read-only to it, and it follows no links. (If it
ran as the app's user, the app could reach it through /proc, and keep it busy for ever.)
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from infra.agent.system import paths, say, sh
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App

LIMIT = 120
"""Seconds that removing or measuring may take."""
COPY_LIMIT = 4 * 3600
"""Seconds that copying data to another disk, or giving it to another user, may take."""
CAPABILITIES = "CAP_DAC_OVERRIDE CAP_FOWNER"
CONFINED = (
    *("ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "PrivateDevices=yes", "PrivateNetwork=yes"),
    *("NoNewPrivileges=yes", "UMask=0077", "TimeoutStopSec=5"),
)
YIELDING = ("Nice=15", "IOSchedulingClass=idle")


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
            paths.close(path)
            closed.append(path)
    empty(app, closed)
    for path in closed:
        try:
            path.rmdir()
        except OSError as error:
            say.step("warning", f"{path} cannot be removed ({error.strerror}); the next deployment tries again")


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


def size(directory: Path) -> int:
    """The bytes that a directory takes on the disk.

    Raises:
        Failure: It cannot be measured in time.
    """
    done = _confined(DATA_UNIT, ["du", "--summarize", "--one-file-system", "--block-size=1", "--", str(directory)], ())
    if not done.ok:
        raise Failure(f"{directory} could not be measured: {done.last_lines()}")
    return int(done.out.split("\t", 1)[0])


def discard(directory: Path) -> None:
    """Remove a directory with everything in it, whoever owns that; its parent directory has to be root's.

    What cannot be removed in time stays.
    """
    if not directory.is_dir() or directory.is_symlink():
        return
    paths.close(directory)
    path = str(directory)
    _confined(DATA_UNIT, ["find", path, "-xdev", "-mindepth", "1", "-delete"], (path,), limit=COPY_LIMIT)
    with contextlib.suppress(OSError):
        directory.rmdir()


def copy(origin: Path, copied: Path) -> None:
    """Copy everything in a directory, just as it is, into an empty one.

    Raises:
        Failure: It could not be copied.
    """
    argv = ["cp", "--archive", "--no-target-directory", "--", str(origin), str(copied)]
    more = f"{CAPABILITIES} CAP_CHOWN CAP_FSETID"
    done = _confined(DATA_UNIT, argv, (str(copied),), capabilities=more, limit=COPY_LIMIT)
    if not done.ok:
        raise Failure(f"Copying {origin} to {copied} failed:\n{done.last_lines()}")


def give(directories: Iterable[Path], before: tuple[int, int], now: tuple[int, int]) -> None:
    """Give what belongs to one user and its group in directories to another; links themselves, never their targets.

    Raises:
        Failure: It could not be given.
    """
    there = [str(path) for path in directories if path.is_dir() and not path.is_symlink()]
    pairs = ((f"{before[0]}", f"{now[0]}"), (f":{before[1]}", f":{now[1]}")) if there else ()
    for former, later in pairs:
        argv = ["chown", "--recursive", "--no-dereference", f"--from={former}", later, "--", *there]
        more = f"{CAPABILITIES} CAP_CHOWN CAP_FSETID"
        done = _confined(DATA_UNIT, argv, tuple(there), capabilities=more, limit=COPY_LIMIT)
        if not done.ok:
            raise Failure(f"Giving {', '.join(there)} to {later} failed:\n{done.last_lines()}")


DATA_UNIT = "launchpad.data"
"""With a dot, it is no app's unit."""


def _run(app: App, argv: list[str], writable: tuple[str, ...]) -> sh.Finished:
    return _confined(app.task("tidy").removesuffix(".service"), argv, writable, more=YIELDING)


def _confined(
    unit: str,
    argv: list[str],
    writable: tuple[str, ...],
    *,
    capabilities: str = CAPABILITIES,
    limit: int = LIMIT,
    more: tuple[str, ...] = (),
) -> sh.Finished:
    """Run a program as root that can write nothing but some directories."""
    properties = [*CONFINED, *more, f"CapabilityBoundingSet={capabilities}", f"RuntimeMaxSec={limit}"]
    options = [f"--property={value}" for value in (*properties, *(f"ReadWritePaths={path}" for path in writable))]
    named = f"--unit={unit}-{os.getpid()}.service"
    return sh.run(["systemd-run", "--pipe", "--wait", "--collect", "--quiet", named, *options, "--", *argv])
