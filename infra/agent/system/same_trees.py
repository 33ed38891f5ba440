"""Compares two trees of files, all of it: by handles, following no link, and nothing that could keep us waiting."""

from __future__ import annotations

import os
import stat

from infra.agent.system import paths
from infra.agent.system.failure import Failure

BLOCK = 2**20


def difference(first: int, second: int) -> str:
    """The path of the first thing that two directories do not have alike; empty if they are the same.

    Compared are names, kinds, permissions, owners, the times of files, the targets of links and every byte.

    Args:
        first: A handle of the one directory.
        second: A handle of the other.

    Raises:
        Failure: They are nested too deeply.
    """
    try:
        return _directories(first, second, ".")
    except RecursionError:
        raise Failure("directories are nested too deeply to compare them; remove some") from None


def _directories(first: int, second: int, at: str) -> str:
    if _look(os.fstat(first)) != _look(os.fstat(second)):
        return at
    names = _names(first)
    if names != _names(second):
        return at
    return next((found for name in names if (found := _entries(first, second, name, f"{at}/{name}"))), "")


def _names(handle: int) -> list[str]:
    with os.scandir(handle) as found:
        return sorted(entry.name for entry in found)


def _entries(first: int, second: int, name: str, at: str) -> str:
    one, other = (os.stat(name, dir_fd=handle, follow_symlinks=False) for handle in (first, second))
    if _look(one) != _look(other):
        return at
    if stat.S_ISLNK(one.st_mode):
        return "" if os.readlink(name, dir_fd=first) == os.readlink(name, dir_fd=second) else at
    if not (stat.S_ISDIR(one.st_mode) or stat.S_ISREG(one.st_mode)):
        return ""
    directory = stat.S_ISDIR(one.st_mode)
    flags = paths.DIRECTORY if directory else paths.FILE
    handles = []
    try:
        handles += [os.open(name, flags, dir_fd=handle) for handle in (first, second)]
        if directory:
            return _directories(handles[0], handles[1], at)
        return "" if _same_content(handles[0], handles[1], one.st_size) else at
    finally:
        for handle in handles:
            os.close(handle)


def _look(status: os.stat_result) -> tuple[int, ...]:
    """What has to be the same of two things, besides what is in them."""
    look = (status.st_mode, status.st_uid, status.st_gid)
    return (*look, status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else look


def _same_content(first: int, second: int, size: int) -> bool:
    """Whether two files of a size have the same bytes; what is a hole in both is not read."""
    at = 0
    while (at := min(_data(first, at, size), _data(second, at, size))) < size:
        if os.pread(first, BLOCK, at) != os.pread(second, BLOCK, at):
            return False
        at += BLOCK
    return True


def _data(handle: int, at: int, size: int) -> int:
    """Where the next bytes are that are not in a hole; the size if there are none."""
    if at >= size:
        return size
    try:
        return os.lseek(handle, at, os.SEEK_DATA)
    except OSError:
        return size
