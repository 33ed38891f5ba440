"""Mount namespaces: each machine's disk is mounted in a namespace of its own, so that nothing else keeps it in use.

A process that creates a mount namespace copies every mount that it sees. If a disk were mounted in the initial
namespace, every container and every sandboxed service that starts later would keep it in use.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

CLONE_NEWNS = 0x20000
MS_PRIVATE_ALL = 0x4000 | 0x40000
"""MS_REC | MS_PRIVATE."""

DETACH = 2 | 8
"""MNT_DETACH | UMOUNT_NOFOLLOW."""

SYSTEM = ("/proc", "/sys", "/dev", "/etc")
"""Directories whose mounts every program needs; they are kept."""

PROGRAMS = ("/usr/bin", "/usr/lib", "/usr/local", "/var/tmp", "/tmp", "/run/systemd", "/run/dbus")
"""Directories that the container's own programs need; the mounts that contain them are kept."""

CONTROL_GROUPS = ("cgroup", "cgroup2")


def enter(needed: Iterable[Path]) -> None:
    """Move this process to a new mount namespace that has only the needed mounts.

    The mounts of other machines and of removable disks are dropped, because a machine must not keep them in use.

    Args:
        needed: The directories that the process and its children use.

    Raises:
        OSError: The kernel refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    check(libc.unshare(CLONE_NEWNS))
    check(libc.mount(None, b"/", None, MS_PRIVATE_ALL, None))
    for mountpoint in unneeded(read("self"), [*map(str, needed), *PROGRAMS]):
        libc.umount2(os.fsencode(mountpoint), DETACH)  # a failure is harmless: the mount stays visible


def check(result: int) -> None:
    """Check the result of the last system call.

    Raises:
        OSError: It failed.
    """
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "a mount namespace")


def unneeded(mountinfo: str, needed: Iterable[str]) -> list[str]:
    """Find the mount points that contain nothing needed.

    Args:
        mountinfo: A text like /proc/self/mountinfo.
        needed: The needed directories.

    Returns:
        The mount points, the last mounted first.
    """
    needed = list(needed)
    mountpoints = []
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        point = unescape(before.split()[4])
        if after.split()[0] in CONTROL_GROUPS or any(is_below(point, directory) for directory in SYSTEM):
            continue
        if not any(is_below(directory, point) for directory in needed):
            mountpoints.append(point)
    return mountpoints[::-1]


def is_below(path: str, directory: str) -> bool:
    """Whether a path is a directory or is below it."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def unescape(text: str) -> str:
    r"""Decode a path from mountinfo, in which a space is ``\040``."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def read(pid: str) -> str:
    """The text of a process's /proc/PID/mountinfo."""
    return Path(f"/proc/{pid}/mountinfo").read_text(errors="surrogateescape")


def namespace(pid: int | str = "self") -> str:
    """The mount namespace of a process; empty if the process has ended."""
    try:
        return str(Path(f"/proc/{pid}/ns/mnt").readlink())
    except OSError:
        return ""


def holders(device: str, excluded: set[str]) -> Iterator[int]:
    """Find the mount namespaces in which a device is mounted.

    Args:
        device: The device's number, such as ``7:1``.
        excluded: Namespaces to leave out.

    Yields:
        The id of one process of each namespace.
    """
    seen = {*excluded, ""}
    for process in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
        space = namespace(process.name)
        if space in seen:
            continue
        seen.add(space)
        with contextlib.suppress(OSError):
            if any(line.split(" ", 3)[2] == device for line in read(process.name).splitlines()):
                yield int(process.name)
