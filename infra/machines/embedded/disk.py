"""A machine's disk: a file of fixed size with the machine's changes, on top of the base image that machines share."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.machines.embedded.record import Record, directory
from infra.machines.embedded.shell import MachineError, progress, run, succeeds
from infra.machines.embedded.sizes import show
from infra.machines.embedded.volume import SYSTEM

UNUSED_LIMIT = 5.0
"""Seconds to wait for a loop device to be released."""

IMAGE, CHANGES, ROOT = "disk.img", "disk", "root"
SPARE = 256 * 2**20
"""Bytes that must be free before a machine is created: its disk file is sparse and starts with a few megabytes."""


def make(machines: Path, record: Record, owner: int) -> None:
    """Create an empty disk of the recorded size, whose root directory belongs to the machine's root.

    Raises:
        MachineError: The disk space is not enough.
    """
    place = directory(machines, record.id)
    need_space(place, SPARE)
    need_room(place / IMAGE, record.disk, SYSTEM.key)
    make_image(place / IMAGE, record.disk, 0)
    mount_image(place / IMAGE, place / CHANGES)
    changes = place / CHANGES
    for name in ("upper", "work"):
        (changes / name).mkdir()
        os.chown(changes / name, owner, owner)
    (changes / "upper").chmod(0o755)


def make_image(image: Path, size: int, owner: int) -> None:
    """Make a disk file with an empty file system, whose root directory belongs to a user and the group of that id."""
    with image.open("wb") as file:
        file.truncate(size)
    image.chmod(0o600)
    options = f"lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner={owner}:{owner}"
    run(["mkfs.ext4", "-q", "-F", "-m", "0", "-E", options, image])


def mount(machines: Path, record: Record) -> Path:
    """Mount the machine's root file system, unless it is mounted already.

    Returns:
        The mount point.

    Raises:
        MachineError: The path of a layer contains a character that overlayfs does not allow.
    """
    place = directory(machines, record.id)
    root = place / ROOT
    if os.path.ismount(root):
        return root
    mount_image(place / IMAGE, place / CHANGES)
    root.mkdir(exist_ok=True)
    changes = place / CHANGES
    for path in (record.base, str(changes)):
        if set(":,\\") & set(path):
            raise MachineError(
                f"Cannot mount a disk from {path}: the path must not contain a colon, a comma or a backslash. "
                "Set LAUNCHPAD_CACHE and LAUNCHPAD_MACHINES to other directories."
            )
    options = f"lowerdir={record.base},upperdir={changes}/upper,workdir={changes}/work"
    run(["mount", "-t", "overlay", record.id, "-o", options, root])
    return root


def mount_image(image: Path, mountpoint: Path) -> None:
    """Mount a disk file, unless it is mounted already."""
    mountpoint.mkdir(exist_ok=True, mode=0o700)
    if os.path.ismount(mountpoint):
        return
    with reserved(image):
        device = wait_until_unused(image)
        # a second device on the same file would corrupt it; the existing device gives the file system still in use
        run(["mount", device, mountpoint] if device else ["mount", "-o", "loop", image, mountpoint])
        if device and attached(image) != device:
            run(["umount", mountpoint])
            raise MachineError(f"The disk {image} was released just now. Run the command again.")


@contextmanager
def reserved(image: Path) -> Iterator[int]:
    """Lock a disk file: wait until no program of a killed driver still changes it.

    Yields:
        The locked descriptor, which programs that change the disk inherit.
    """
    with image.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def attached(image: Path) -> str:
    """The loop device of a disk file; empty if there is none."""
    return run(["losetup", "--noheadings", "--output", "NAME", "--associated", image]).partition("\n")[0].strip()


def number(device: str) -> str:
    """The number of a device in lists of mounts, such as ``7:1``."""
    return Path(f"/sys/class/block/{Path(device).name}/dev").read_text().strip()


def wait_until_unused(image: Path) -> str:
    """Wait up to ``UNUSED_LIMIT`` seconds until a disk file has no loop device.

    Returns:
        The device that is still there; empty if none is.
    """
    deadline = time.monotonic() + UNUSED_LIMIT
    while (device := attached(image)) and time.monotonic() < deadline:
        succeeds(["losetup", "--detach", device])  # a device in use is detached only when its last user ends
        time.sleep(0.02)
    return device


def is_whole(machines: Path, record: Record) -> bool:
    """Whether the machine's disk is complete and both its layers exist."""
    return record.made and (directory(machines, record.id) / IMAGE).is_file() and Path(record.base).is_dir()


def unmount(machines: Path, machine: str) -> None:
    """Unmount a root file system from this computer's own mount namespace, where older versions mounted it."""
    place = directory(machines, machine)
    for mountpoint in (place / ROOT, place / CHANGES):
        for attempt in range(100):
            if not os.path.ismount(mountpoint):
                break
            # processes that were just killed release their files a moment later
            if attempt == 99 or not succeeds(["umount", mountpoint]):
                time.sleep(0.02) if attempt < 98 else run(["umount", "--lazy", mountpoint])


def remove(machines: Path, machine: str) -> None:
    """Remove the disk and everything else in the machine's directory."""
    unmount(machines, machine)
    place = directory(machines, machine)
    if (place / IMAGE).is_file():
        wait_until_unused(place / IMAGE)
    if place.is_dir():
        shutil.rmtree(place)
    try:
        machines.rmdir()
        if machines.parent.name == "launchpad":
            machines.parent.rmdir()
    except OSError:
        return  # other machines still exist


def need_space(place: Path, need: int) -> None:
    """Check that a directory's file system has a number of bytes free.

    Raises:
        MachineError: It has fewer.
    """
    place.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(place).free
    if free < need:
        raise MachineError(
            f"Not enough disk space in {place}: {show(need)} needed, {show(free)} free. Free some space there, "
            "or set LAUNCHPAD_MACHINES (machines) or LAUNCHPAD_CACHE (base images) to a directory with more space."
        )


def need_room(image: Path, size: int, key: str) -> None:
    """Check that a disk of this size can exist; warn if it could not be filled at present.

    A disk file uses only as much space on this computer as was written to it.

    Args:
        image: The disk file, which may not exist yet.
        size: The size in bytes.
        key: The config key of the size.

    Raises:
        MachineError: The disk is larger than the file system that holds it.
    """
    place = image.parent
    usage = shutil.disk_usage(place)
    if size > usage.total:
        raise MachineError(
            f"{key} is {show(size)}, but the file system of {place} has only {show(usage.total)} in total. Set {key} "
            "to less, or set LAUNCHPAD_MACHINES to a directory on a larger disk."
        )
    written = image.stat().st_blocks * 512 if image.is_file() else 0
    if size - written > usage.free:
        progress(
            f"the disk may take up to {show(size)}, but {place} has only {show(usage.free)} free: free some space "
            "before the machine needs it, or set LAUNCHPAD_MACHINES to a directory with more space"
        )
