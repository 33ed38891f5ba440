"""Mount namespaces: each machine's disk is mounted in one of its own, so that nothing else on this computer holds it.

A process that starts in a mount namespace of its own takes a copy of every mount it sees. A disk that were mounted
where everything sees it would stay in use by every container, and every sandboxed service, that starts after it.
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
"""What is mounted here or below serves every program, and is kept."""

PROGRAMS = ("/usr/bin", "/usr/lib", "/usr/local", "/var/tmp", "/tmp", "/run/systemd", "/run/dbus")
"""What else the container's own programs need; mounts that these lie on are kept."""

CONTROL_GROUPS = ("cgroup", "cgroup2")


def enter(needed: Iterable[Path]) -> None:
    """Have this process, and what it starts from now on, see only the mounts that it needs, and keep its own to itself.

    The mounts of other machines go, and so do disks that people plugged in: a machine must not keep those in use.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    check(libc.unshare(CLONE_NEWNS))
    check(libc.mount(None, b"/", None, MS_PRIVATE_ALL, None))
    for mountpoint in unneeded(read("self"), [*map(str, needed), *PROGRAMS]):
        libc.umount2(os.fsencode(mountpoint), DETACH)  # what cannot be unmounted is only not as tidy


def check(result: int) -> None:
    """Raise OSError for the last system call, if it failed."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "a mount namespace")


def unneeded(mountinfo: str, needed: Iterable[str]) -> list[str]:
    """The mount points that nothing needed lies on, the last mounted first, from a text like /proc/self/mountinfo."""
    needed = list(needed)
    found = []
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        point = unescape(before.split()[4])
        if after.split()[0] in CONTROL_GROUPS or any(is_below(point, one) for one in SYSTEM):
            continue
        if not any(is_below(one, point) for one in needed):
            found.append(point)
    return found[::-1]


def is_below(path: str, directory: str) -> bool:
    """Whether a path is a directory or lies somewhere in it."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def unescape(text: str) -> str:
    r"""A path as mountinfo has it, where a space is ``\040``."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def read(pid: str) -> str:
    """The mounts that a process sees, as /proc has them."""
    return Path(f"/proc/{pid}/mountinfo").read_text(errors="surrogateescape")


def namespace(pid: int | str = "self") -> str:
    """The mount namespace of a process; empty for one that is gone."""
    try:
        return str(Path(f"/proc/{pid}/ns/mnt").readlink())
    except OSError:
        return ""


def holders(device: str, but: set[str]) -> Iterator[int]:
    """One process of each mount namespace, but the named ones, in which a device such as ``7:1`` is mounted."""
    seen = {*but, ""}
    for process in sorted(Path("/proc").glob("[0-9]*"), key=lambda one: int(one.name)):
        space = namespace(process.name)
        if space in seen:
            continue
        seen.add(space)
        with contextlib.suppress(OSError):
            if any(line.split(" ", 3)[2] == device for line in read(process.name).splitlines()):
                yield int(process.name)
