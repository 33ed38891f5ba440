"""Disk space: clears our own caches when it is short, and reports what takes the rest."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import IO

from infra.agent.system import files, owned, say, sh
from infra.agent.system.failure import Failure
from infra.agent.system.layout import PYTHONS, App

LEAST_FREE = 100_000_000
"""Bytes that have to be free before a build begins."""
RESERVE = 200_000_000
"""Bytes that a dump of a database leaves free, for what the apps and PostgreSQL write meanwhile."""
LITTLE = 50_000_000
"""Bytes. With less than this free, a program that reports a full disk is right."""


class NoSpace(Failure):
    """The disk is full."""


def free(app: App) -> int:
    """The bytes that are free where the app is."""
    return files.free_bytes(app.home if app.home.is_dir() else Path("/"))


def make_room(app: App, least: int) -> None:
    """Clear the caches, which can be downloaded again, if fewer bytes than ``least`` are free.

    Raises:
        NoSpace: That was not enough; names what takes the space, and what to do.
    """
    if free(app) >= least:
        return
    say.step("disk", f"{_size(free(app))} free at {app.home}, {_size(least)} needed: clearing the caches")
    clear(app)
    if free(app) < least:
        raise NoSpace(
            f"The disk is nearly full: {_size(free(app))} free at {app.home}, {_size(least)} needed.\n{report(app)}"
        )


def leave_some(file: IO[bytes]) -> None:
    """Refuse to write more to a file on a disk that is nearly full: every app writes there.

    Raises:
        NoSpace: There is less than the reserve.
    """
    if files.free_bytes(file.fileno()) < RESERVE:
        raise NoSpace(
            f"The disk is nearly full: the dump of the database would leave less than {_size(RESERVE)} to the apps. "
            "Make room, or have a larger disk"
        )


def clear(app: App) -> None:
    """Empty the caches of the app's installer and of apt."""
    owned.empty(app, [app.cache])
    sh.run(["apt-get", "clean"])


def report(app: App) -> str:
    """What takes the space, the largest first, and which settings change that."""
    kept = (
        app.releases,
        app.virtualenvs,
        app.cache,
        app.static,
        app.data,
        app.repository,
        PYTHONS,
        Path("/var/log/journal"),
    )
    sizes = owned.sizes(app, kept)
    largest = sorted(sizes.items(), key=lambda item: -item[1])
    named = ", ".join(f"{path} {_size(size)}" for path, size in largest if size >= 1_000_000)
    return (
        f"It is used by: {named or 'nothing of ' + app.name}.\n"
        "Raise launchpad:embedded.disk or launchpad:ec2.disk, lower launchpad:keep_releases, or remove what is not "
        "needed."
    )


def ran_out(error: BaseException) -> bool:
    """Whether an error means that the disk is full."""
    return isinstance(error, NoSpace) or (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT))


def _size(count: int) -> str:
    return f"{count // 10**6} MB"
