"""Opens paths that somebody else may change meanwhile, step by step, so that no link leads elsewhere."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path, PurePosixPath

from infra.agent.system.failure import Failure

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
MOST_LINKS = 40
"""Links in one path, as in Linux itself. Source: path_resolution(7)."""


def open_directory(path: Path) -> int:
    """A handle of a directory. A link on the way is followed only if nobody but root can have made it.

    Raises:
        Failure: A part of the path is somebody else's link, or not a directory.
    """
    parts = list(path.parts[1:])
    handle = os.open("/", DIRECTORY)
    links = 0
    while parts:
        part = parts.pop(0)
        try:
            following = os.open(part, DIRECTORY, dir_fd=handle)
        except OSError as error:
            links += 1
            if error.errno not in (errno.ELOOP, errno.ENOTDIR) or not _link_of_root(handle, part) or links > MOST_LINKS:
                os.close(handle)
                if error.errno in (errno.ELOOP, errno.ENOTDIR):
                    raise Failure(f"{path}: {part} is not a directory, or a link that root did not make") from error
                raise
            target = PurePosixPath(os.readlink(part, dir_fd=handle))
            parts = [*target.parts, *parts]
            following = os.open("/" if target.is_absolute() else ".", DIRECTORY, dir_fd=handle)
        os.close(handle)
        handle = following
    return handle


def close(path: Path) -> None:
    """Make a directory root's, and open to nobody else."""
    handle = open_directory(path)
    try:
        os.fchown(handle, 0, 0)
        os.fchmod(handle, 0o700)
    finally:
        os.close(handle)


def _link_of_root(parent: int, name: str) -> bool:
    """Whether a name is a link that root made, in a directory where only root can make one."""
    folder, entry = os.fstat(parent), os.stat(name, dir_fd=parent, follow_symlinks=False)
    return stat.S_ISLNK(entry.st_mode) and entry.st_uid == 0 == folder.st_uid and not folder.st_mode & 0o022


def open_beneath(top: Path, start: str, name: str, *, directory: bool = False) -> int | None:
    """A handle of a file or directory in an untrusted tree.

    Links are followed as long as they stay in the tree. Only regular files are opened for reading: a FIFO would keep us
    waiting, opening a device may have effects.

    Args:
        top: The root of the tree.
        start: The directory in it that the name starts from.
        name: The path to open.
        directory: Whether a directory is wanted, and not a file.

    Returns:
        The handle; None if there is no such file, or no such directory.

    Raises:
        Failure: The name leads out of the tree, or to something that is neither a file nor a directory.
    """
    if PurePosixPath(name).is_absolute():
        raise Failure(_outside(name, links=0))
    handles = [open_directory(top)]
    parts = [*PurePosixPath(start).parts, *PurePosixPath(name).parts]
    try:
        last = _walk(handles, parts, name)
        if last is not None:
            return None if directory else _open_regular(last, handles[-1], name)
        return os.dup(handles[-1]) if directory else None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # it was replaced between two steps
            raise Failure(f"{name}: was changed while it was read") from error
        raise
    finally:
        for handle in handles:
            os.close(handle)


def _walk(handles: list[int], parts: list[str], name: str) -> str | None:
    """Go down from the last of the handles, and add one for each directory.

    Returns:
        The last part, if it is not a directory; None if all are directories.

    Raises:
        Failure: A part leads out of the tree.
    """
    links = 0
    while parts:
        part = parts.pop(0)
        if part == "..":
            if len(handles) == 1:
                raise Failure(_outside(name, links))
            os.close(handles.pop())
            continue
        mode = os.stat(part, dir_fd=handles[-1], follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            target = PurePosixPath(os.readlink(part, dir_fd=handles[-1]))
            links += 1
            if target.is_absolute() or links > MOST_LINKS:
                raise Failure(_outside(name, links))
            parts[:0] = target.parts
        elif stat.S_ISDIR(mode):
            handles.append(os.open(part, DIRECTORY, dir_fd=handles[-1]))
        elif parts:
            raise NotADirectoryError(part)
        else:
            return part
    return None


def _open_regular(name: str, parent: int, shown: str) -> int:
    if not stat.S_ISREG(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
        raise Failure(f"{shown}: is neither a file nor a directory")
    handle = os.open(name, FILE, dir_fd=parent)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Failure(f"{shown}: is neither a file nor a directory")
    return handle


def _outside(name: str, links: int) -> str:
    if links:
        return f"{name}: is a link that leads out of the repository; commit the file itself"
    return f"{name}: leads out of the repository, which is all that the machine has"
