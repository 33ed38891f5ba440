"""A machine's disk: a file of fixed size that holds its changes, over the base image that all machines share."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from infra.machines.embedded.record import Record, directory
from infra.machines.embedded.shell import MachineError, progress, run, succeeds
from infra.machines.embedded.sizes import show

UNUSED_LIMIT = 30.0
IMAGE, CHANGES, ROOT = "disk.img", "disk", "root"
SPARE = 256 * 2**20
"""What must be free before a machine is made: its disk file is sparse, and starts with a few megabytes."""


def make(machines: Path, record: Record, owner: int) -> None:
    """Make an empty disk of the recorded size, whose root directory belongs to the machine's root."""
    place = directory(machines, record.id)
    need_space(place, SPARE)
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
    changes = place / CHANGES
    changes.mkdir(exist_ok=True, mode=0o700)
    if not os.path.ismount(changes):
        wait_until_unused(place / IMAGE)
        run(["mount", "-o", "loop", place / IMAGE, changes])


def wait_until_unused(image: Path) -> None:
    """Wait until no device stands on a disk file any more.

    A container that starts takes a copy of every mount of this computer, and holds it for a moment: so a disk may be
    in use after it was unmounted here. Raises MachineError when it stays so.
    """
    deadline = time.monotonic() + UNUSED_LIMIT
    while devices := run(["losetup", "--associated", image]).strip():
        if time.monotonic() > deadline:
            raise MachineError(f"The disk {image} is still in use: {devices.splitlines()[0]}. End what uses it.")
        time.sleep(0.05)


def is_whole(machines: Path, record: Record) -> bool:
    """Whether the machine's disk is there with everything that it stands on."""
    return record.made and (directory(machines, record.id) / IMAGE).is_file() and Path(record.base).is_dir()


def grow(machines: Path, record: Record, size: int) -> bool:
    """Grow a disk, in use or not; False where this computer's kernel does not allow that to a disk in use.

    Raises MachineError when asked to shrink.
    """
    if size < record.disk:
        raise MachineError(
            f"A disk cannot shrink from {show(record.disk)} to {show(size)}: keep the size, or make a new machine."
        )
    place = directory(machines, record.id)
    progress(f"growing the disk to {show(size)}")
    os.truncate(place / IMAGE, max(size, (place / IMAGE).stat().st_size))
    if (place / CHANGES).is_mount():
        device = run(["findmnt", "-n", "-o", "SOURCE", place / CHANGES]).strip()
        run(["losetup", "--set-capacity", device])
        return succeeds(["resize2fs", device])
    wait_until_unused(place / IMAGE)
    succeeds(["e2fsck", "-f", "-p", place / IMAGE])  # resize2fs insists on it, and says so if it was in vain
    run(["resize2fs", place / IMAGE])
    return True


def unmount(machines: Path, machine: str) -> None:
    """Take the root file system apart; without complaint where that was done before."""
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
            f"Not enough disk space in {place}: {show(need)} are needed, {show(free)} are free. Make room there."
        )
