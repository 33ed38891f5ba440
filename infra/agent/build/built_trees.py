"""What the files of a release look like once it serves, so that a later change of them is found.

The files are the app's, which can write to them only while it is built and in hooks. No file is opened here and no link
followed: each file counts with its number and the time of its last change (ctime), which nobody can set. A virtualenv
is not looked at in this way: it may hold tens of thousands of files.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from infra.agent.system import files, paths
from infra.agent.system.layout import App

DEEPEST = 50
"""Folders in folders that are looked into; each costs a file handle."""
MOST = 200_000
"""Files of a release that are looked at; with more of them, it is not compared."""


def keep(app: App, release: str, *, anew: bool = False) -> None:
    """Note down what a release looks like, unless that is noted down already.

    Args:
        app: The app.
        release: The release.
        anew: Whether it counts as it is now, as something was allowed to write to it since.
    """
    if anew or not _path(app, release).exists():
        files.directory(app.trees, 0o700)
        looks = look(app.releases / release)
        files.write_json(_path(app, release), {"files": looks if len(looks) <= MOST else {}})


def forget(app: App, release: str) -> None:
    """Remove what is noted down of a release that goes."""
    _path(app, release).unlink(missing_ok=True)


def changes(app: App, release: str) -> dict[str, str]:
    """What was done to each path of a release since: added, changed or gone. Empty if nothing is noted down of it."""
    noted = (files.read_json(_path(app, release)) or {}).get("files")
    if not noted or not isinstance(noted, dict):
        return {}
    try:
        found = look(app.releases / release)
    except OSError:
        return {".": "gone"}
    return compared(noted, found)


def compared(before: dict[str, str], after: dict[str, str]) -> dict[str, str]:
    """What became of each path, in order."""
    gone = {name: "gone" for name in before if name not in after}
    added = {name: "added" for name in after if name not in before}
    changed = {name: "changed" for name, looks in after.items() if before.get(name, looks) != looks}
    return dict(sorted({**gone, **added, **changed}.items()))


def look(top: Path) -> dict[str, str]:
    """What the files and directories below a directory look like, by their paths; at most one more than ``MOST``."""
    handle = paths.open_directory(top)
    try:
        found = {}
        for name, looks in _below(handle, "", 0):
            found[name] = looks
            if len(found) > MOST:
                break
        return found
    finally:
        os.close(handle)


def _below(folder: int, inside: str, depth: int) -> Iterator[tuple[str, str]]:
    with os.scandir(folder) as scanned:
        names = [entry.name for entry in scanned]
    for name in names:
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            continue
        if not stat.S_ISDIR(status.st_mode):
            yield inside + name, f"{status.st_ino:x}.{status.st_ctime_ns:x}"
            continue
        # What is in it shows by itself; its own time changes with that.
        yield inside + name, f"{status.st_mode:o}.{status.st_uid}.{status.st_gid}"
        if depth < DEEPEST:
            inner = os.open(name, paths.DIRECTORY, dir_fd=folder)
            try:
                yield from _below(inner, f"{inside}{name}/", depth + 1)
            finally:
                os.close(inner)


def _path(app: App, release: str) -> Path:
    return app.trees / f"{release}.json"
