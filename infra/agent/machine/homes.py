"""The homes of people: made from /etc/skel, and removed only as far as nothing else is in them."""

from __future__ import annotations

import contextlib
import os
import pwd
import stat
from pathlib import Path

from infra.agent.system import paths
from infra.agent.system.failure import Failure

HOMES = Path("/home")
SKELETON = Path("/etc/skel")
LONGEST = 64 * 1024
"""Bytes of the longest file that is compared."""


def home(name: str) -> Path:
    """A person's home."""
    return HOMES / name


def remove(user: pwd.struct_passwd) -> list[str]:
    """Remove a home whose account is gone, if there is nothing in it but what useradd put there.

    Otherwise it becomes root's, so that no later account with the same number has it.

    Args:
        user: The account, none of whose processes is left.

    Returns:
        What else is in it.
    """
    try:
        handle = paths.open_directory(Path(user.pw_dir))
    except (Failure, FileNotFoundError):
        return []
    try:
        if os.fstat(handle).st_uid != user.pw_uid:
            return []
        for name in _untouched(handle):
            os.unlink(name, dir_fd=handle)
        left = sorted(os.listdir(handle))  # noqa: PTH208 - of a directory that is held open
        if left:
            os.fchown(handle, 0, 0)
            os.fchmod(handle, 0o700)
    finally:
        os.close(handle)
    if not left:
        Path(user.pw_dir).rmdir()
    return left


def _untouched(handle: int) -> list[str]:
    """The files of /etc/skel that are in a home as they were."""
    found = []
    for path in SKELETON.iterdir() if SKELETON.is_dir() else []:
        with contextlib.suppress(OSError):
            if path.is_file() and _content(path.name, handle) == path.read_bytes():
                found.append(path.name)
    return found


def _content(name: str, folder: int) -> bytes:
    """What is in a regular file; of anything else nothing is opened for reading."""
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        return os.read(handle, LONGEST) if stat.S_ISREG(os.fstat(handle).st_mode) else b""
    finally:
        os.close(handle)
