"""The block device of a disk for data: waits for it, formats it only if nothing at all is on it, and mounts it."""

from __future__ import annotations

import stat
import time
from collections.abc import Sequence
from pathlib import Path

from infra.agent.system import files, mounts, say, sh, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.layout import UNITS

ATTACH = 120.0
"""Seconds that a disk may take to appear after it was attached."""
HEAD = 2**20
"""Bytes at the beginning of a disk that have to be zero before it is formatted: more than blkid knows is there."""
NOTHING_FOUND = 2
"""blkid's exit status where it finds nothing that it knows. Source: blkid(8)."""


def mount(devices: Sequence[Path], path: Path) -> bool:
    """Have a disk mounted at a path, now and at boot. Says whether anything changed.

    Args:
        devices: The paths by which the machine may see it, the surest first.
        path: Where it is mounted.

    Raises:
        Failure: It does not appear, or holds something else than our file system, or cannot be mounted.
    """
    device = wait(devices)
    formatted = False
    if is_blank(device):
        say.step("data", f"formatting {device}, on which nothing is")
        format_disk(device)
        formatted = True
    uuid = file_system(device)
    name = mounts.unit(path)
    timeout = UNITS / f"{mounts.unit(Path('/dev/disk/by-uuid') / uuid, 'device')}.d" / "launchpad.conf"
    changed = [files.write(UNITS / name, mounts.device_unit(uuid, path)), files.write(timeout, mounts.DEVICE_TIMEOUT)]
    if any(changed):
        systemd.reload()
    systemd.enable(name, UNITS / name)
    if mounts.found(path) is None:
        sh.run(["udevadm", "settle", "--timeout=30"])  # the link with the new UUID
        systemd.start(name)
    if mounts.found(path) is None:
        raise Failure(f"The disk for data {device} cannot be mounted at {path}: {systemd.state(name).describe()}")
    if not formatted:
        sh.run(["resize2fs", str(device)])  # it may have grown; without that, this changes nothing
    return formatted or any(changed)


def wait(devices: Sequence[Path]) -> Path:
    """Wait until a disk is there, and say by which of its paths.

    Raises:
        Failure: It does not appear.
    """
    until = time.monotonic() + ATTACH
    while True:
        if there := next(filter(_is_block_device, devices), None):
            return there
        if time.monotonic() > until:
            raise Failure(
                f"The disk for data {' or '.join(map(str, devices))} does not appear on this machine. Is it attached? "
                "Then run this again."
            )
        time.sleep(0.2)


def _is_block_device(device: Path) -> bool:
    try:
        return stat.S_ISBLK(device.stat().st_mode)
    except OSError:
        return False


def is_blank(device: Path) -> bool:
    """Whether nothing is on a disk: blkid knows nothing of it, and its beginning is zero.

    Raises:
        Failure: It cannot be known, or blkid knows nothing and the beginning is not zero.
    """
    probed = sh.run(["blkid", "--probe", "--", str(device)])
    with device.open("rb") as file:
        head = file.read(HEAD)
    zero = not any(head) and bool(head)
    if probed.code == NOTHING_FOUND and zero:
        return True
    if probed.ok:
        return False
    raise Failure(
        f"The disk for data {device} is not blank, and what is on it is unknown "
        f"({probed.err.strip() or 'its first bytes are not zero'}). Nothing on it was changed. "
        f"If it may be lost, empty the disk: wipefs --all {device} && dd if=/dev/zero of={device} bs=1M count=1"
    )


def format_disk(device: Path) -> None:
    """Make our file system on a blank disk: ext4 without blocks that are reserved for root."""
    sh.run(["mkfs.ext4", "-q", "-m", "0", "-L", "launchpad-data", str(device)], doing=f"Formatting {device}")


def file_system(device: Path) -> str:
    """The UUID of the file system on a disk.

    Raises:
        Failure: It has another file system than ours would be, or partitions.
    """
    shown = sh.run(["blkid", "--probe", "--output=export", "--", str(device)]).out
    found = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    if found.get("TYPE") != "ext4" or not found.get("UUID"):
        what = found.get("TYPE") or (f"a {found['PTTYPE']} partition table" if "PTTYPE" in found else "something else")
        raise Failure(
            f"The disk for data {device} holds {what}, and not the ext4 file system that Launchpad makes on a blank "
            "disk. Nothing on it was changed. Attach a blank disk, or the one that this app's data is on."
        )
    return found["UUID"]
