"""Counts what apps keep in ``$DATA_DIR``, in a tree that its app may change at any moment to lead or keep us away.

It goes down by handles of directories and follows no link. It opens no file, so that no FIFO keeps it waiting; and
what is too much, or too deep, is not counted to its end.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from infra.agent.system import paths as handles
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.protocol import paths, values
from infra.protocol.held_data import LATEST, HeldData
from infra.protocol.refusal import Refusal

LIMIT = 20.0
"""Seconds that it may take, for all apps."""
DEEPEST = 256
"""Directories in one another that it goes down; a handle is open for each."""


def check_disk() -> None:
    """Raise ``Failure`` where the disk for data is not there, for what is on it would count as nothing."""
    if not os.path.ismount(paths.DATA_DISK):
        raise Failure(f"the disk for data is not mounted at {paths.DATA_DISK}: nobody can tell what is on it")


def apps() -> Iterator[App]:
    """Every app with a folder for data here, those among them that were taken off the machine without their data."""
    homes = Path(paths.HOMES)
    for name in sorted(home.name for home in homes.iterdir()) if homes.is_dir() else ():
        try:
            values.app_name(name)
        except Refusal:
            continue
        if App(name).data.is_dir():
            yield App(name)


def measure(app: App, until: float, tables: tuple[int, int] = (0, 0)) -> HeldData:
    """Count an app's data.

    Args:
        app: The app.
        until: The time of the monotonic clock at which it stops counting.
        tables: How many tables it has in its database, and their bytes; -1 tables: nobody knows.
    """
    count = _Count(until)
    complete = count.below(app.data)
    oldest, newest = _time(count.oldest), _time(count.newest)
    return HeldData(app.name, count.files, count.size, oldest, newest, complete, *tables)


class _Count:
    """What was counted so far."""

    def __init__(self, until: float) -> None:
        self.files = self.size = 0
        self.oldest = self.newest = 0.0
        self._until = until

    def below(self, top: Path) -> bool:
        """Count what is in a directory; gives whether that is all that there is."""
        try:
            handle = handles.open_directory(top)
        except FileNotFoundError:
            return True
        except (OSError, Failure):
            return False
        return self._directory(handle, os.fstat(handle).st_dev, DEEPEST)

    def _directory(self, handle: int, device: int, deep: int) -> bool:
        """Count below an open directory, and close it."""
        complete, inner = True, []
        try:
            with os.scandir(handle) as scanned:
                for entry in scanned:
                    if time.monotonic() > self._until:
                        return False
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    if stat.S_ISDIR(status.st_mode):
                        inner.append(entry.name)
                    elif stat.S_ISREG(status.st_mode):
                        self._file(status)
            for name in inner:
                complete = self._inner(name, handle, device, deep) and complete
            return complete
        except OSError:
            return False
        finally:
            os.close(handle)

    def _inner(self, name: str, parent: int, device: int, deep: int) -> bool:
        try:
            handle = os.open(name, handles.DIRECTORY, dir_fd=parent)
        except OSError as error:
            # It is gone, or something else by now.
            return isinstance(error, FileNotFoundError | NotADirectoryError)
        if os.fstat(handle).st_dev != device or not deep:
            os.close(handle)
            return False
        return self._directory(handle, device, deep - 1)

    def _file(self, status: os.stat_result) -> None:
        self.oldest = min(self.oldest, status.st_mtime) if self.files else status.st_mtime
        self.newest = max(self.newest, status.st_mtime) if self.files else status.st_mtime
        self.files += 1
        self.size += status.st_size


def _time(seconds: float) -> int:
    return int(min(max(seconds, 0), LATEST))
