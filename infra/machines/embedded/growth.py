"""Growing a machine's disk: in place where the kernel lets us, otherwise while the machine is down for a moment."""

from __future__ import annotations

import os
import re
from pathlib import Path

from infra.machines.embedded import container, disk, mounts, superblock
from infra.machines.embedded.record import Record, directory, every
from infra.machines.embedded.shell import MachineError, progress, run, succeeds
from infra.machines.embedded.sizes import cannot_shrink, show

CAP_SYS_RESOURCE = 24
BLOCK = 4096


def size(machines: Path, machine: Record) -> int:
    """The size of a machine's disk: as recorded, or larger where a run was killed before it could write that down."""
    return max(machine.disk, filesystem(machines, machine).size)


def filesystem(machines: Path, machine: Record) -> superblock.Superblock:
    """What the file system on a machine's disk says about itself."""
    image = directory(machines, machine.id) / disk.IMAGE
    there = superblock.read(Path(disk.attached(image) or image)) if image.is_file() else None
    return there or superblock.Superblock(size=0, mounted=0)


def refuse_to_shrink(machines: Path, machine: Record, wanted: int) -> None:
    """Raise MachineError when asked for less than what the disk has."""
    if wanted < (there := size(machines, machine)):
        raise MachineError(cannot_shrink(there, wanted))


def check(machines: Path, machine: Record, wanted: int) -> None:
    """Raise MachineError if a disk cannot grow to a size, before anything is touched for it."""
    place = directory(machines, machine.id)
    disk.need_space(place, disk.SPARE)
    disk.need_room(place, wanted)
    if not may_resize() and (others := holders(machines, machine)):
        raise MachineError(f"The disk {place / disk.IMAGE} cannot grow: it stays in use by {'; '.join(others)}")


def grow(machines: Path, machine: Record, wanted: int) -> None:
    """Grow a disk. The machine may be down afterwards, also when this raises MachineError: start it again."""
    check(machines, machine, wanted)
    progress(f"growing the disk from {show(machine.disk)} to {show(wanted)}")
    if container.is_running(machine):
        if may_resize() and in_place(machines, machine, wanted):
            return
        if others := holders(machines, machine):
            raise MachineError(f"The disk cannot grow: it stays in use by {'; '.join(others)}")
        progress("this computer does not let a disk grow while it is in use: starting the machine again")
        container.stop(machines, machine)
    disk.unmount(machines, machine.id)
    at_rest(directory(machines, machine.id) / disk.IMAGE, wanted)


def may_resize() -> bool:
    """Whether the kernel lets this process grow a file system in use; some containers and sandboxes lack the right."""
    effective = re.search(r"^CapEff:\s*(\w+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    return effective is not None and bool(int(effective[1], 16) >> CAP_SYS_RESOURCE & 1)


def in_place(machines: Path, machine: Record, wanted: int) -> bool:
    """Grow the disk of a running machine; False where that does not work here."""
    image = directory(machines, machine.id) / disk.IMAGE
    device = disk.attached(image)
    os.truncate(image, max(wanted, image.stat().st_size))
    inside = ["nsenter", f"--mount=/proc/{machine.pid}/ns/mnt"]  # resize2fs asks where the device is mounted
    return succeeds(["losetup", "--set-capacity", device]) and succeeds(
        [*inside, "resize2fs", device, kilobytes(wanted)]
    )


def at_rest(image: Path, wanted: int) -> None:
    """Grow a disk that is not mounted."""
    with disk.reserved(image) as lock:
        if device := disk.wait_until_unused(image):
            raise MachineError(f"The disk {image} cannot grow: it is still in use as {device}.")
        os.truncate(image, wanted)
        succeeds(["e2fsck", "-f", "-p", image], keep=lock)  # resize2fs insists on it, and says so if it was in vain
        run(["resize2fs", image, kilobytes(wanted)], keep=lock)


def kilobytes(wanted: int) -> str:
    """A size as resize2fs takes it, in whole blocks."""
    return f"{wanted // BLOCK * BLOCK // 1024}K"


def holders(machines: Path, machine: Record) -> list[str]:
    """What would keep a disk in use once its machine has stopped, each with what to do about it."""
    place = directory(machines, machine.id)
    device = disk.attached(place / disk.IMAGE)
    if not device:
        return []
    own = container.descendants(machine.pid) if container.is_running(machine) else {0}
    spaces = {mounts.namespace(), *(mounts.namespace(pid) for pid in own if pid)}
    found = [f"process {pid} ({name(pid)}). End it first." for pid in mounts.holders(disk.number(device), spaces)]
    first, last = filesystem(machines, machine).mounted - 1, float("inf")
    if container.is_running(machine) and not is_of_older_version(machine):
        last = container.began(machine.pid)
    for _, other in every(machines):
        if (
            other
            and other.id != machine.id
            and is_of_older_version(other)
            and first <= container.began(other.pid) <= last
        ):
            whose = f"{other.owner.get('stack', '?')} of {other.owner.get('clone', '?')}"
            found.append(
                f"machine {other.id} (stack {whose}), which an older version of Launchpad started while this disk was "
                "in use. Shut it down with `make ssh ARGS='sudo poweroff'` and start it with `make up` there, then "
                "run this again; both keep their disks."
            )
    return found


def is_of_older_version(machine: Record) -> bool:
    """Whether a machine runs without a mount namespace of its own: such machines keep the disks of others in use."""
    return container.is_running(machine) and mounts.namespace(machine.pid) == mounts.namespace()


def name(pid: int) -> str:
    """The program of a process."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except OSError:
        return "gone"
