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


def directory(path: Path, mode: int = 0o755, owner: tuple[int, int] = (0, 0)) -> bool:
    """Make a directory with just this mode and owner. Says whether anything changed."""
    changed = not path.is_dir()
    path.mkdir(parents=True, exist_ok=True)
    status = path.stat()
    if (status.st_uid, status.st_gid) != owner:
        os.chown(path, *owner)
        changed = True
    if status.st_mode & 0o7777 != mode:
        path.chmod(mode)
        changed = True
    return changed


def in_tree(tree: Path, name: str) -> Path | None:
    """The regular file ``name`` of a tree that strangers wrote, or None.

    We read as root: a symbolic link that leads out of the tree (to /etc/shadow, say) is refused.
    """
    path = tree / name
    if not os.path.lexists(path):
        return None
    real = path.resolve()
    if not real.is_relative_to(tree.resolve()):
        raise Failure(f"{name}: is a link that leads out of the repository ({path.readlink()}); commit the file itself")
    return real if real.is_file() else None


def text_in_tree(tree: Path, name: str) -> str | None:
    """The text of a file of the tree, or None where there is no such file."""
    path = in_tree(tree, name)
    if path is None:
        return None
    if path.stat().st_size > LARGEST:
        raise Failure(f"{name}: is larger than {LARGEST} bytes")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Failure(f"{name}: is not UTF-8 text (byte {error.start})") from error


def remove_tree(path: Path) -> None:
    """Remove a directory with everything in it; quiet where there is none."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def own_tree(path: Path, uid: int, gid: int) -> None:
    """Give a tree to a user, links themselves included, never what they point to."""
    os.chown(path, uid, gid, follow_symlinks=False)
    for parent, directories, names in os.walk(path):
        for name in [*directories, *names]:
            os.chown(Path(parent, name), uid, gid, follow_symlinks=False)


def free_bytes(path: Path) -> int:
    """Bytes that ordinary users can still write on the file system of a path."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize
