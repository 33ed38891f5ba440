"""Room on the disk: our own caches make room first, and what is short of room says what takes it."""

from __future__ import annotations

import errno
from pathlib import Path

from . import files, owned, say, sh
from .failure import Failure
from .layout import PYTHONS, App

LEAST_FREE = 100_000_000
"""Bytes that have to be free before a build begins."""
LITTLE = 50_000_000
"""With less than this many bytes free, a program that says so did run out of room."""


class NoSpace(Failure):
    """The disk is full."""


def free(app: App) -> int:
    """Bytes that are free where the app is."""
    return files.free_bytes(app.home if app.home.is_dir() else Path("/"))


def make_room(app: App, least: int) -> None:
    """Have so many bytes free: where they are not, the caches go; they can be had again.

    Raises:
        NoSpace: The caches were not it; names what takes the space and what to do.
    """
    if free(app) >= least:
        return
    say.step("disk", f"{_size(free(app))} free at {app.home}, {_size(least)} are needed: clearing the caches")
    clear(app)
    if free(app) < least:
        raise NoSpace(
            f"The disk is nearly full: {_size(free(app))} free at {app.home}, {_size(least)} are needed.\n{report(app)}"
        )


def clear(app: App) -> None:
    """Empty the caches of the app's installer and of apt."""
    owned.empty(app, [app.cache])
    sh.run(["apt-get", "clean"])


def report(app: App) -> str:
    """What takes the space, the largest first, and which settings change that."""
    kept = (app.releases, app.virtualenvs, app.cache, app.data, app.repository, PYTHONS, Path("/var/log/journal"))
    found = owned.sizes(app, kept)
    largest = sorted(found.items(), key=lambda item: -item[1])
    named = ", ".join(f"{path} {_size(size)}" for path, size in largest if size >= 1_000_000)
    return (
        f"What takes it: {named or 'nothing of ' + app.name}.\n"
        "Raise launchpad:disk (on EC2 launchpad:volume), lower launchpad:keep_releases, or remove what is not needed."
    )


def ran_out(error: BaseException) -> bool:
    """Whether something failed because the disk is full."""
    return isinstance(error, NoSpace) or (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT))


def _size(count: int) -> str:
    return f"{count // 10**6} MB"
