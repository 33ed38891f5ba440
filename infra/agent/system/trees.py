"""Reads files of an untrusted tree, without being led out of it, kept waiting or flooded."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from infra.agent.system import paths
from infra.agent.system.failure import Failure
from infra.common import decoded

LARGEST = 5_000_000
"""Bytes of a file that a repository brought, at most. The locks of large projects have two million."""


def path(tree: Path, name: str, top: Path | None = None) -> Path | None:
    """The path of a regular file in an untrusted tree; for naming the file, not for opening it.

    We read as root, so a name that leads out of the tree (by a link to /etc/shadow, say) is refused.

    Args:
        tree: The directory.
        name: The file's path in it.
        top: The root directory of the commit, if that is another: links and ``..`` may lead anywhere in the commit.

    Returns:
        The path; None if there is no such file.

    Raises:
        Failure: The name leads out of the commit, or to something that is neither a file nor a directory.
    """
    handle = _open(tree, name, top)
    if handle is None:
        return None
    os.close(handle)
    return tree / name


def text(tree: Path, name: str, top: Path | None = None) -> str | None:
    """The text of a file in an untrusted tree; None if there is no such file. Arguments as in ``path``.

    Raises:
        Failure: As in ``path``, or the file is too large, or not UTF-8.
    """
    content = data(tree, name, top)
    if content is None:
        return None
    try:
        return decoded.text(content)
    except UnicodeDecodeError as error:
        raise Failure(f"{name}: is not UTF-8 text (byte {error.start})") from error


def data(tree: Path, name: str, top: Path | None = None) -> bytes | None:
    """The bytes of a file in an untrusted tree; None if there is no such file. Arguments as in ``path``.

    Raises:
        Failure: As in ``path``, or the file is too large.
    """
    handle = _open(tree, name, top)
    if handle is None:
        return None
    with os.fdopen(handle, "rb") as stream:
        content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise Failure(f"{name}: is larger than {LARGEST} bytes")
    return content


def folder(tree: Path, name: str, top: Path | None = None) -> Path | None:
    """The real path of a directory in an untrusted tree, links resolved; None if there is no such directory.

    Arguments and exceptions as in ``path``. The path is right as long as nobody changes the tree.
    """
    handle = _open(tree, name, top, directory=True)
    if handle is None:
        return None
    try:
        return Path(f"/proc/self/fd/{handle}").readlink()
    finally:
        os.close(handle)


def entries(tree: Path, name: str, top: Path | None = None) -> dict[str, os.stat_result]:
    """What is in a directory of an untrusted tree, by name. Arguments as in ``path``.

    Links are followed, but only for the kind and mode of what they lead to. Empty if there is no such directory.
    """
    handle = _open(tree, name, top, directory=True)
    if handle is None:
        return {}
    statuses = {}
    try:
        with os.scandir(handle) as scanned:
            for entry in sorted(scanned, key=lambda entry: entry.name):
                with contextlib.suppress(OSError):
                    statuses[entry.name] = entry.stat()
    finally:
        os.close(handle)
    return statuses


def _open(tree: Path, name: str, top: Path | None, *, directory: bool = False) -> int | None:
    top = top or tree
    return paths.open_beneath(top, str(tree.relative_to(top)), name, directory=directory)
