"""Files: atomic writes, directories with an exact owner and mode, removal. For an app's own files see trees.py."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.agent.system import manifest, paths
from infra.agent.system.failure import Failure
from infra.common import atomic

Json = dict[str, Any]
"""An object read from a JSON file. Nothing is known of it yet: whoever reads it makes a type of its own of it."""

YOUNG = 60.0
"""Seconds for which a temporary file may belong to a write under way."""


def write(path: Path, content: str, mode: int = 0o644, owner: tuple[int, int] | None = None) -> bool:
    """Write a file atomically, unless it is already so. Says whether anything changed. The manifest notes it.

    Args:
        path: The file; its directory is made if there is none.
        content: Its text.
        mode: Its permissions.
        owner: The ids of its user and group; whoever we are by default.
    """
    manifest.note_file(path, content, mode, owner or (os.geteuid(), os.getegid()))
    with contextlib.suppress(FileNotFoundError, IsADirectoryError):
        status = path.stat()
        same_owner = owner is None or (status.st_uid, status.st_gid) == owner
        if same_owner and status.st_mode & 0o7777 == mode and path.read_text(encoding="utf-8") == content:
            return False
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.replace(path, content.encode(), mode, owner)
    return True


def take_away(path: Path) -> bool:
    """Remove a file, and its directory if nothing else is in it. Says whether there was one."""
    existed = path.exists() or path.is_symlink()
    manifest.forget(path)
    path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        path.parent.rmdir()
    return existed


def sweep(folder: Path) -> None:
    """Remove what a killed ``write`` left in a directory, for it may hold secrets."""
    for path in folder.glob(".*.????????"):
        if path.is_file() and time.time() - path.lstat().st_mtime > YOUNG:
            path.unlink(missing_ok=True)


def write_json(path: Path, value: Mapping[str, object], mode: int = 0o600) -> bool:
    """Write a JSON file atomically; by default for root alone. Says whether anything changed."""
    return write(path, json.dumps(value, indent=1, sort_keys=True) + "\n", mode)


def read_json(path: Path) -> Json | None:
    """The object in a JSON file; None if there is no such file or it is damaged."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def directory(path: Path, mode: int = 0o755, owner: tuple[int, int] = (0, 0), *, mend: bool = False) -> bool:
    """Make a directory with exactly this mode and owner. Says whether anything changed.

    The directory itself is opened and changed, never what a link of the app's leads to. The manifest notes it.

    Args:
        path: The directory; those above it are made if there are none.
        mode: Its permissions.
        owner: The ids of its user and group; root's by default.
        mend: Whether anything else in its place, such as a link, is removed.

    Raises:
        Failure: Something else is in its place, and ``mend`` is not set.
    """
    manifest.note_directory(path, mode, owner)
    path.parent.mkdir(parents=True, exist_ok=True)
    parent = paths.open_directory(path.parent)
    try:
        changed = _make_directory(path, parent)
        try:
            handle = paths.open_directory(path)
        except Failure:
            if not mend:
                raise
            os.unlink(path.name, dir_fd=parent)
            changed = _make_directory(path, parent)
            handle = paths.open_directory(path)
    finally:
        os.close(parent)
    try:
        status = os.fstat(handle)
        if (status.st_uid, status.st_gid) != owner:
            os.fchown(handle, *owner)
            changed = True
        if status.st_mode & 0o7777 != mode:
            os.fchmod(handle, mode)
            changed = True
    finally:
        os.close(handle)
    return changed


def _make_directory(path: Path, parent: int) -> bool:
    try:
        os.mkdir(path.name, 0o700, dir_fd=parent)
    except FileExistsError:
        return False
    return True


def remove_tree(path: Path) -> None:
    """Remove a file or socket, or a directory of root's with everything in it; nothing happens if there is none.

    For directories of the app's see owned.py. The manifest forgets it.
    """
    manifest.forget(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def own_tree(path: Path, uid: int, gid: int) -> None:
    """Give a tree that root has written to a user: links themselves, too, but never what they point to.

    The top stays closed (root's, 0700) until everything below is given, so that the new owner cannot interfere.
    """
    directory(path, 0o700)
    for _, directories, names, handle in os.fwalk(path):
        for name in [*directories, *names]:
            os.chown(name, uid, gid, dir_fd=handle, follow_symlinks=False)
    directory(path, 0o750, (uid, gid))


def free_bytes(path: Path | int) -> int:
    """The bytes that ordinary users can still write on the file system of a path, or of an open file."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize
