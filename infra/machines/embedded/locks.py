"""Locks between drivers, which end with the process that holds them."""

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
    """Hold an exclusive lock on a file that is made for it and removed after it; gives the file's descriptor.

    Says what it waits for when somebody else has it.
    """
    said = False
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue  # another run removed the directory, empty, just after we saw to it
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not said:
                progress(f"waiting for another run that is busy with {what}")
                said = True
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if same_file(descriptor, path):
            break
        os.close(descriptor)  # the holder removed the file while we waited for it
    try:
        yield descriptor
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)
        if path.parent == DIRECTORY:
            remove_if_empty(DIRECTORY)


def same_file(descriptor: int, path: Path) -> bool:
    """Whether a path still names an open file."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def remove_if_empty(directory: Path) -> None:
    """Remove a directory that nothing is in."""
    try:
        directory.rmdir()
    except OSError:
        return
