"""Keeps the copy of the program that runs: it imports what it uses late, and a newer one may be installed meanwhile."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

COMPLETE = "complete"
"""The file that says that a copy is complete; whoever runs the copy holds a lock on it until it ends."""


def hold(copy: Path) -> None:
    """Keep a copy from being removed as long as this process lives; nothing happens if it is not installed.

    Children do not hold it: the handle is closed when they run another program.

    Args:
        copy: The directory of the copy.
    """
    try:
        handle = os.open(copy / COMPLETE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    fcntl.flock(handle, fcntl.LOCK_SH)


def in_use(copy: Path) -> bool:
    """Whether a process runs a copy.

    Args:
        copy: The directory of the copy.
    """
    try:
        handle = os.open(copy / COMPLETE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
