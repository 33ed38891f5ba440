"""Locks between drivers, released when the process that holds them ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.machines.embedded.shell import progress

DIRECTORY = Path("/run/launchpad")


@contextmanager
def held(path: Path, what: str) -> Iterator[int]:
    """Hold an exclusive lock on a file, which is created for the lock and removed after it.

    Args:
        path: The file.
        what: What the lock protects, for the message that another run holds it.

    Yields:
        The file's descriptor.
    """
    reported = False
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue  # another run removed the empty directory in the meantime
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not reported:
                progress(f"waiting for another run, which holds the lock for {what}")
                reported = True
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if same_file(descriptor, path):
            break
        os.close(descriptor)  # the previous holder removed the file in the meantime
    try:
        yield descriptor
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)
        if path.parent == DIRECTORY:
            remove_if_empty(DIRECTORY)


def same_file(descriptor: int, path: Path) -> bool:
    """Whether a path still refers to an open file."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def remove_if_empty(directory: Path) -> None:
    """Remove a directory if it is empty."""
    try:
        directory.rmdir()
    except OSError:
        return
