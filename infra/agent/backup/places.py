"""Where snapshots are unpacked: beside the data, on the same disk, so that it takes a snapshot's place in one step."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import secrets
from pathlib import Path

from infra.agent.backup import archive
from infra.agent.system import data_places, files, mounts, owned, paths, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App

MARK = "user.launchpad.restored"
INODE = "inode "
EXCHANGE = 2
"""Source: rename(2), RENAME_EXCHANGE."""


def data(app: App) -> Path:
    """Where the app's data really is: on the disk for data, if it is bound from there."""
    return data_places.of(app)[0].source if mounts.found(app.data) else app.data


def scratch(app: App) -> Path:
    """The folder of root's beside it in which snapshots are unpacked."""
    there = data(app)
    return app.unpacked if there == app.data else there.with_name(app.unpacked.name)


def check(app: App) -> None:
    """Refuse data that a snapshot cannot take the place of.

    Raises:
        Failure: It is a disk of its own, mounted by somebody else.
    """
    if not data(app).is_dir():
        raise Failure(
            f"{app.data} is a disk of its own that Launchpad has not mounted, so that nothing can take its place. Put "
            f"the data back by hand: docs/backups.md says how."
        )


def empty(app: App, name: str, user: str) -> Path:
    """A folder for a snapshot, with an empty folder ``data``, both the user's; what was in it is gone."""
    top = scratch(app)
    files.directory(top, 0o700)
    place = top / name
    remove(app, name)
    account = pwd.getpwnam(user)
    own = (account.pw_uid, account.pw_gid)
    # Root's until all is made: in a folder of the user's, that may put a link in the place of the next.
    files.directory(place, 0o700)
    files.directory(place / archive.DATA, 0o750, own)
    files.directory(place, 0o700, own)
    files.directory(top, 0o711)
    return place


def remove(app: App, name: str) -> None:
    """Remove such a folder."""
    top = scratch(app)
    if (top / name).is_dir():
        owned.remove(app, [top / name])


def tidy(app: App) -> None:
    """Remove the folder of all of them, unless something is in it."""
    top = scratch(app)
    if top.is_dir() and not any(top.iterdir()):
        top.rmdir()


def exchange(one: Path, other: Path) -> None:
    """Have two folders take each other's place, in one step that nothing can interrupt.

    Args:
        one: The first; the folders that they are in can be changed by nobody but root.
        other: The second, on the same disk.

    Raises:
        OSError: They stay as they are.
    """
    first, second = paths.open_directory(one.parent), paths.open_directory(other.parent)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.renameat2(first, os.fsencode(one.name), second, os.fsencode(other.name), EXCHANGE):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(one))
        os.fsync(first)
        os.fsync(second)
    finally:
        os.close(first)
        os.close(second)


def mark(place: Path) -> str:
    """Mark a folder, so that it is known again after a restart of the machine, too; gives by what.

    The number of its inode may be another one then, as on an overlay, which an embedded machine's disk is.
    """
    handle = paths.open_directory(place)
    try:
        token = secrets.token_hex(8)
        try:
            os.setxattr(handle, MARK, token.encode())
        except OSError:  # a file system that has none
            return f"{INODE}{os.fstat(handle).st_ino}"
        os.fsync(handle)
        return token
    finally:
        os.close(handle)


def is_marked(place: Path, mark: str) -> bool:
    """Whether a folder is the one that was marked so."""
    handle = paths.open_directory(place)
    try:
        if mark.startswith(INODE):
            return mark == f"{INODE}{os.fstat(handle).st_ino}"
        with contextlib.suppress(OSError):
            return os.getxattr(handle, MARK) == mark.encode()
        return False
    finally:
        os.close(handle)


def unmark(place: Path) -> None:
    """Remove the mark, if there is one."""
    handle = paths.open_directory(place)
    try:
        with contextlib.suppress(OSError):
            os.removexattr(handle, MARK)
    finally:
        os.close(handle)


def show(app: App) -> None:
    """Have what is at the data's place now be what the app's processes find there, if it is bound from elsewhere."""
    there = data(app)
    if not there.samefile(app.data):
        systemd.restart(mounts.unit(app.data))
        if not there.samefile(app.data):
            raise Failure(f"{there} is not mounted at {app.data} again: systemctl status {mounts.unit(app.data)}")
