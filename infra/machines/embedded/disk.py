"""A machine's disk: a file of fixed size that holds its changes, over the base image that all machines share."""

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

UNUSED_LIMIT = 5.0
IMAGE, CHANGES, ROOT = "disk.img", "disk", "root"
SPARE = 256 * 2**20
"""What must be free before a machine is made: its disk file is sparse, and starts with a few megabytes."""


def make(machines: Path, record: Record, owner: int) -> None:
    """Make an empty disk of the recorded size, whose root directory belongs to the machine's root."""
    place = directory(machines, record.id)
    need_space(place, SPARE)
    need_room(place, record.disk)
    image = place / IMAGE
    with image.open("wb") as file:
        file.truncate(record.disk)
    image.chmod(0o600)
    run(["mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", image])
    mount_changes(place)
    changes = place / CHANGES
    for name in ("upper", "work"):
        (changes / name).mkdir()
        os.chown(changes / name, owner, owner)
    (changes / "upper").chmod(0o755)


def mount(machines: Path, record: Record) -> Path:
    """Put the machine's root file system together where it is not yet; gives its directory."""
    place = directory(machines, record.id)
    root = place / ROOT
    if os.path.ismount(root):
        return root
    mount_changes(place)
    root.mkdir(exist_ok=True)
    changes = place / CHANGES
    for path in (record.base, str(changes)):
        if set(":,\\") & set(path):
            raise MachineError(
                f"A disk cannot be put together from {path}: no colon, comma or backslash may be in the path. "
                "Set LAUNCHPAD_CACHE and LAUNCHPAD_MACHINES to other directories."
            )
    options = f"lowerdir={record.base},upperdir={changes}/upper,workdir={changes}/work"
    run(["mount", "-t", "overlay", record.id, "-o", options, root])
    return root


def mount_changes(place: Path) -> None:
    """Mount the disk file where it is not yet."""
    changes, image = place / CHANGES, place / IMAGE
    changes.mkdir(exist_ok=True, mode=0o700)
    if os.path.ismount(changes):
        return
    with reserved(image):
        device = wait_until_unused(image)
        # a second device on the same file would ruin it; the one that is there leads to the file system still in use
        run(["mount", device, changes] if device else ["mount", "-o", "loop", image, changes])
        if device and attached(image) != device:
            run(["umount", changes])
            raise MachineError(f"The disk {image} was let go of just now. Run it again.")


@contextmanager
def reserved(image: Path) -> Iterator[int]:
    """Wait until no program that a killed driver left still changes a disk file; gives what such programs hold."""
    with image.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def attached(image: Path) -> str:
    """The device that stands on a disk file; empty if none does."""
    return run(["losetup", "--noheadings", "--output", "NAME", "--associated", image]).partition("\n")[0].strip()


def number(device: str) -> str:
    """The number by which lists of mounts know a device, such as ``7:1``."""
    return Path(f"/sys/class/block/{Path(device).name}/dev").read_text().strip()


def wait_until_unused(image: Path) -> str:
    """Wait until no device stands on a disk file, which may take a moment; gives the device if one stays."""
    deadline = time.monotonic() + UNUSED_LIMIT
    while (device := attached(image)) and time.monotonic() < deadline:
        succeeds(["losetup", "--detach", device])  # one that is in use stays for as long as it is
        time.sleep(0.02)
    return device


def is_whole(machines: Path, record: Record) -> bool:
    """Whether the machine's disk is there with everything that it stands on."""
    return record.made and (directory(machines, record.id) / IMAGE).is_file() and Path(record.base).is_dir()


def unmount(machines: Path, machine: str) -> None:
    """Take apart a root file system that everything on this computer sees: older versions made it so."""
    place = directory(machines, machine)
    for mountpoint in (place / ROOT, place / CHANGES):
        for attempt in range(100):
            if not os.path.ismount(mountpoint):
                break
            # processes that were just killed let go of their files a moment later
            if attempt == 99 or not succeeds(["umount", mountpoint]):
                time.sleep(0.02) if attempt < 98 else run(["umount", "--lazy", mountpoint])


def remove(machines: Path, machine: str) -> None:
    """Remove the disk, and everything else in the machine's directory."""
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
        return  # other machines are still there


def need_space(place: Path, need: int) -> None:
    """Raise MachineError unless a directory's file system has that many bytes to spare."""
    place.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(place).free
    if free < need:
        raise MachineError(
            f"Not enough disk space in {place}: {show(need)} are needed, {show(free)} are free. Make room there, "
            "or set LAUNCHPAD_MACHINES (machines) or LAUNCHPAD_CACHE (base images) to a directory with more."
        )


def need_room(place: Path, size: int) -> None:
    """Raise MachineError where a disk of a size could never be filled; say it where it could not be now.

    A disk file takes no more of this computer than what was written to it.
    """
    usage = shutil.disk_usage(place)
    if size > usage.total:
        raise MachineError(
            f"launchpad:disk is {show(size)}, but the file system of {place} has only {show(usage.total)} in all. "
            "Set launchpad:disk to less, or set LAUNCHPAD_MACHINES to a directory on a larger disk."
        )
    image = place / IMAGE
    written = image.stat().st_blocks * 512 if image.is_file() else 0
    if size - written > usage.free:
        progress(
            f"the disk may take up to {show(size)}, but {place} has only {show(usage.free)} free: make room before "
            "the machine needs it, or set LAUNCHPAD_MACHINES to a directory with more"
        )
