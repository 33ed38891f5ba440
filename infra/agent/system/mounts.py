"""What is mounted where on this machine, and how systemd's units for mounts are called and written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

WRITTEN = "# Written by launchpad-agent prepare; changes are overwritten by the next one.\n"


@dataclass(frozen=True)
class Mounted:
    """What is mounted at a path: which directory of which device.

    Attributes:
        device: The device's number, such as ``7:1``.
        root: The directory of its file system that is mounted.
    """

    device: str
    root: str


def unit(path: Path, kind: str = "mount") -> str:
    """The name of the unit of a path. Source: systemd.unit(5), "String Escaping for Inclusion in Unit Names"."""
    parts = [part for part in str(path).split("/") if part]
    text = "-".join(re.sub(r"[^A-Za-z0-9:_.]", lambda found: _hexadecimal(found[0]), part) for part in parts)
    if text.startswith("."):
        text = _hexadecimal(".") + text[1:]
    return f"{text or '-'}.{kind}"


def _hexadecimal(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode())


def found(path: Path, mountinfo: str | None = None) -> Mounted | None:
    """What is mounted at a path; None if nothing is.

    Args:
        path: The path.
        mountinfo: A text like /proc/self/mountinfo, which it is by default. Source: proc_pid_mountinfo(5).
    """
    text = Path("/proc/self/mountinfo").read_text(errors="surrogateescape") if mountinfo is None else mountinfo
    last = None
    for line in text.splitlines():
        fields = line.split()
        if _unescaped(fields[4]) == str(path):
            last = Mounted(fields[2], _unescaped(fields[3]))  # a later line covers those before
    return last


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def is_bound(path: Path, disk: Path, source: Path, mountinfo: str | None = None) -> bool:
    """Whether a directory of a disk is mounted at a path.

    Args:
        path: The path.
        disk: Where the disk is mounted.
        source: The directory, below ``disk``.
        mountinfo: As in ``found``.
    """
    here, there = found(path, mountinfo), found(disk, mountinfo)
    if here is None or there is None:
        return False
    return here == Mounted(there.device, f"{there.root.rstrip('/')}/{source.relative_to(disk)}")


def device_unit(uuid: str, path: Path) -> str:
    """The unit that mounts a disk by the UUID of its file system.

    It is not among what every boot needs (local-fs.target): with the disk missing, the machine shall come up and answer
    to people, and just what needs the disk shall not start.

    Args:
        uuid: The UUID.
        path: Where.
    """
    device = f"/dev/disk/by-uuid/{uuid}"
    check = f"systemd-fsck@{unit(Path(device), 'service')}"
    return f"""\
{WRITTEN}[Unit]
Description=The disk for data at {path}
DefaultDependencies=no
Conflicts=umount.target
Before=umount.target
Requires={check}
After={check}

[Mount]
What={device}
Where={path}
Type=ext4
Options=nosuid,nodev

[Install]
WantedBy=multi-user.target
"""


DEVICE_TIMEOUT = f"""\
{WRITTEN}[Unit]
JobRunningTimeoutSec=30s
"""
"""How long a boot waits for the disk; a minute and a half by default."""


def bind_unit(what: str, path: Path, disk: Path, source: Path) -> str:
    """The unit that mounts a directory of a disk at a path. It starts nothing on an empty directory.

    systemd makes the directory that it shall mount where that is missing, so that is asserted. Source: systemd's
    src/core/mount.c, ``mount_enter_mounting``.

    Args:
        what: What the directory has, in words.
        path: Where it is mounted.
        disk: Where the disk is mounted.
        source: The directory, below ``disk``.
    """
    return f"""\
{WRITTEN}[Unit]
Description={what} on the disk for data
DefaultDependencies=no
Conflicts=umount.target
Before=umount.target
AssertPathIsMountPoint={disk}
AssertPathExists={source}

[Mount]
What={source}
Where={path}
Type=none
Options=bind,nosuid,nodev

[Install]
WantedBy=multi-user.target
"""


def requirement(path: Path) -> str:
    """The drop-in of a unit that starts only with what is mounted at a path."""
    return f"{WRITTEN}[Unit]\nRequiresMountsFor={path}\n"
