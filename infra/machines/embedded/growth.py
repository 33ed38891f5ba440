"""Growing a machine's disk: in place if the kernel allows it, otherwise by stopping the machine for a moment."""

from __future__ import annotations

import os
import re
from pathlib import Path

from infra.machines.embedded import container, disk, mounts, superblock
from infra.machines.embedded.record import Record, every
from infra.machines.embedded.shell import MachineError, progress, run, succeeds
from infra.machines.embedded.sizes import cannot_shrink, show
from infra.machines.embedded.volume import DATA, SYSTEM, Volume

CAP_SYS_RESOURCE = 24
BLOCK = 4096


def size(machines: Path, machine: Record, volume: Volume = SYSTEM) -> int:
    """The size of a machine's disk in bytes: as recorded, or larger if a run was killed before recording it."""
    return max(volume.recorded(machine), filesystem(machines, machine, volume).size)


def filesystem(machines: Path, machine: Record, volume: Volume = SYSTEM) -> superblock.Superblock:
    """The superblock of the file system on a machine's disk."""
    image = volume.image(machines, machine)
    block = superblock.read(Path(disk.attached(image) or image)) if image.is_file() else None
    return block or superblock.Superblock(size=0, mounted=0)


def refuse_to_shrink(machines: Path, machine: Record, new_size: int, volume: Volume = SYSTEM) -> None:
    """Check that the new size is not less than the current one.

    Raises:
        MachineError: It is.
    """
    if new_size < (current := size(machines, machine, volume)):
        raise MachineError(cannot_shrink(current, new_size, volume.key))


def check(machines: Path, machine: Record, new_size: int, volume: Volume = SYSTEM) -> None:
    """Check that a disk can grow to a size, without changing anything.

    Raises:
        MachineError: It cannot.
    """
    image = volume.image(machines, machine)
    disk.need_space(image.parent, disk.SPARE)
    disk.need_room(image, new_size, volume.key)
    if not may_resize() and (others := holders(machines, machine, volume)):
        raise MachineError(f"The disk {image} cannot grow: it stays in use by {'; '.join(others)}")


def obstacles(machines: Path, machine: Record, size: int, volume: Volume) -> list[str]:
    """What prevents a disk from growing to a size."""
    try:
        check(machines, machine, size, volume)
    except MachineError as error:
        return [str(error)]
    return []


def grow(machines: Path, machine: Record, new_size: int, volume: Volume = SYSTEM) -> None:
    """Grow a disk. The machine may be stopped afterwards, even after an error; the caller must start it.

    Raises:
        MachineError: The disk cannot grow.
    """
    check(machines, machine, new_size, volume)
    what = "disk for data" if volume is DATA else "disk"
    progress(f"growing the {what} from {show(size(machines, machine, volume))} to {show(new_size)}")
    if container.is_running(machine):
        if may_resize() and in_place(machines, machine, new_size, volume):
            return
        if others := holders(machines, machine, volume):
            raise MachineError(f"The disk cannot grow: it stays in use by {'; '.join(others)}")
        progress("this computer does not allow a disk to grow while it is in use: restarting the machine")
        container.stop(machines, machine)
    disk.unmount(machines, machine.id)
    at_rest(volume.image(machines, machine), new_size)


def may_resize() -> bool:
    """Whether the kernel allows this process to grow a mounted file system; some containers and sandboxes may not."""
    effective = re.search(r"^CapEff:\s*(\w+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    return effective is not None and bool(int(effective[1], 16) >> CAP_SYS_RESOURCE & 1)


def in_place(machines: Path, machine: Record, new_size: int, volume: Volume = SYSTEM) -> bool:
    """Grow the disk of a running machine; returns False if that does not work on this computer."""
    image = volume.image(machines, machine)
    device = disk.attached(image)
    os.truncate(image, max(new_size, image.stat().st_size))
    inside = ["nsenter", f"--mount=/proc/{machine.pid}/ns/mnt"]  # resize2fs needs to see the mount
    return succeeds(["losetup", "--set-capacity", device]) and succeeds(
        [*inside, "resize2fs", device, kilobytes(new_size)]
    )


def at_rest(image: Path, new_size: int) -> None:
    """Grow a disk that is not mounted.

    Raises:
        MachineError: The disk is still in use, or resize2fs failed.
    """
    with disk.reserved(image) as lock:
        if device := disk.wait_until_unused(image):
            raise MachineError(f"The disk {image} cannot grow: it is still in use as {device}.")
        os.truncate(image, new_size)
        succeeds(["e2fsck", "-f", "-p", image], keep=lock)  # resize2fs requires it, and reports if it failed
        run(["resize2fs", image, kilobytes(new_size)], keep=lock)


def kilobytes(size: int) -> str:
    """A size in bytes as an argument of resize2fs, rounded down to whole blocks."""
    return f"{size // BLOCK * BLOCK // 1024}K"


def holders(machines: Path, machine: Record, volume: Volume = SYSTEM) -> list[str]:
    """What would keep a disk in use after its machine has stopped, each with what to do about it."""
    device = disk.attached(volume.image(machines, machine))
    if not device:
        return []
    own_pids = container.descendants(machine.pid) if container.is_running(machine) else {0}
    spaces = {mounts.namespace(), *(mounts.namespace(pid) for pid in own_pids if pid)}
    in_use_by = [f"process {pid} ({name(pid)}). End it first." for pid in mounts.holders(disk.number(device), spaces)]
    first, last = filesystem(machines, machine, volume).mounted - 1, float("inf")
    if container.is_running(machine) and not is_of_older_version(machine):
        last = container.began(machine.pid)
    for _, other in every(machines):
        if (
            other
            and other.id != machine.id
            and is_of_older_version(other)
            and first <= container.began(other.pid) <= last
        ):
            owned_by = f"{other.owner.stack or '?'} of {other.owner.clone or '?'}"
            in_use_by.append(
                f"machine {other.id} (stack {owned_by}), which an older version of Launchpad started while this disk "
                "was in use. Shut it down with `launchpad ssh -- sudo poweroff` and start it with `launchpad up` in "
                "its clone, then run this command again; both machines keep their disks."
            )
    return in_use_by


def is_of_older_version(machine: Record) -> bool:
    """Whether a running machine has no mount namespace of its own; such machines keep other machines' disks in use."""
    return container.is_running(machine) and mounts.namespace(machine.pid) == mounts.namespace()


def name(pid: int) -> str:
    """The name of a process's program."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except OSError:
        return "gone"
