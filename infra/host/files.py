"""Files: atomic writes, and reading what an app's repository brought without following it out of its tree."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from . import paths
from .failure import Failure

LARGEST = 1_000_000
YOUNG = 60.0
"""Seconds for which a temporary file may belong to a write that is under way."""


def write(path: Path, content: str, mode: int = 0o644, owner: tuple[int, int] | None = None) -> bool:
    """Write a file atomically, unless it already is so. Says whether anything changed."""
    with contextlib.suppress(FileNotFoundError, IsADirectoryError):
        status = path.stat()
        same_owner = owner is None or (status.st_uid, status.st_gid) == owner
        if same_owner and status.st_mode & 0o7777 == mode and path.read_text(encoding="utf-8") == content:
            return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if owner is not None:
            os.chown(temporary, *owner)
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return True


def sweep(folder: Path) -> None:
    """Remove what ``write`` leaves in a directory when it is killed; secrets may be in it."""
    for path in folder.glob(".*.????????"):
        if path.is_file() and time.time() - path.lstat().st_mtime > YOUNG:
            path.unlink(missing_ok=True)


def write_json(path: Path, value: Any, mode: int = 0o600) -> bool:
    """Write a JSON file atomically; root's alone unless told otherwise."""
    return write(path, json.dumps(value, indent=1, sort_keys=True) + "\n", mode)


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file; None where there is none or it is damaged."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def directory(path: Path, mode: int = 0o755, owner: tuple[int, int] = (0, 0), *, mend: bool = False) -> bool:
    """Make a directory with just this mode and owner. Says whether anything changed.

    The directory itself is opened and changed, never what a link of the app's leads to. With ``mend``, a link or
    another thing in its place is removed; without, that is a Failure.
    """
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


def in_tree(tree: Path, name: str, top: Path | None = None) -> Path | None:
    """The path of the regular file ``name`` of a tree that strangers wrote, or None; for naming it, not for opening it.

    We read as root: what leads out of the tree (a link to /etc/shadow, say) is refused. ``top`` is the root of the
    commit where ``tree`` is a directory in it: links and ``..`` may lead anywhere in the commit.
    """
    handle = _open(tree, name, top)
    if handle is None:
        return None
    os.close(handle)
    return tree / name


def text_in_tree(tree: Path, name: str, top: Path | None = None) -> str | None:
    """The text of a file of the tree, or None where there is no such file. Everything as in ``in_tree``."""
    handle = _open(tree, name, top)
    if handle is None:
        return None
    with os.fdopen(handle, "rb") as stream:
        content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise Failure(f"{name}: is larger than {LARGEST} bytes")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise Failure(f"{name}: is not UTF-8 text (byte {error.start})") from error


def entries_in_tree(tree: Path, name: str, top: Path | None = None) -> dict[str, os.stat_result]:
    """What is in a directory of the tree, links followed for their kind and mode only; nothing where it is none."""
    handle = _open(tree, name, top, directory=True)
    if handle is None:
        return {}
    found = {}
    try:
        with os.scandir(handle) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                with contextlib.suppress(OSError):
                    found[entry.name] = entry.stat()
    finally:
        os.close(handle)
    return found


def _open(tree: Path, name: str, top: Path | None, *, directory: bool = False) -> int | None:
    top = top or tree
    return paths.open_beneath(top, str(tree.relative_to(top)), name, directory=directory)


def remove_tree(path: Path) -> None:
    """Remove a directory of root's with everything in it; quiet where there is none. For the app's see owned.py."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def own_tree(path: Path, uid: int, gid: int) -> None:
    """Give a tree that root has written to a user, links themselves included, never what they point to.

    The top stays closed (root's, 0700) until everything below is given, so that its new owner changes nothing under us.
    """
    directory(path, 0o700)
    for _, directories, names, handle in os.fwalk(path):
        for name in [*directories, *names]:
            os.chown(name, uid, gid, dir_fd=handle, follow_symlinks=False)
    directory(path, 0o750, (uid, gid))


def free_bytes(path: Path) -> int:
    """Bytes that ordinary users can still write on the file system of a path."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize
