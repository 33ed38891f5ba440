"""A machine's disk for data: an image that outlives the machine, and belongs to the stack that had it made."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from infra.common import atomic
from infra.machines.embedded import disk
from infra.machines.embedded.record import Record
from infra.machines.embedded.shell import MachineError, progress
from infra.machines.embedded.sizes import cannot_shrink, show
from infra.machines.embedded.state import DataState, Owner
from infra.machines.embedded.superblock import read
from infra.machines.embedded.volume import DATA, data_directory
from infra.protocol import codec, values
from infra.protocol.codec import Message, value

FILE, MOUNT, SNAPSHOTS = "data.json", "mount", "snapshots"
INSIDE = "/mnt/launchpad"
"""Where a machine has it: ``infra.protocol.paths.DATA_DISK``."""
ID = re.compile(r"[a-z][a-z0-9-]{0,14}")
REMOVE = ".venv/bin/python -m infra.machines.embedded sweep --data --project {project} --stack {stack}"


@dataclass
class Data(Message):
    """The record of a disk for data.

    Attributes:
        id: The id of the machine that it is for.
        owner: The stack and clone that it belongs to; nobody else is given it.
        on_destroy: What becomes of it with the stack (see ``infra.protocol.on_destroy``).
        kept: When its stack was destroyed and it was kept; empty: it is in use.
    """

    id: str = value(values.text)
    owner: Owner = value(Owner)
    on_destroy: str = value(values.text, "")
    kept: str = value(values.text, "")


def place(machines: Path, machine: str) -> Path:
    """The directory of a machine's disk for data."""
    return data_directory(machines) / machine


def load(machines: Path, machine: str) -> Data | None:
    """The record of a disk; None if there is none.

    Raises:
        MachineError: It cannot be read: whose the disk is remains unknown.
    """
    file = place(machines, machine) / FILE
    try:
        # The place counts: a disk that is handed over has the record of its new owner before it is moved.
        return replace(codec.parse(Data, json.loads(file.read_text())), id=machine)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, codec.MessageError) as error:
        raise MachineError(f"{file}, which says whose the data beside it is, cannot be read: {error}") from None


def save(machines: Path, data: Data) -> None:
    """Write a record atomically."""
    folder = place(machines, data.id)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    atomic.replace(folder / FILE, (json.dumps(codec.plain(data), indent=2) + "\n").encode(), 0o600)


def every(machines: Path) -> Iterator[Data]:
    """All disks for data beside a machines directory; one whose record cannot be read belongs to nobody."""
    folder = data_directory(machines)
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if not ID.fullmatch(path.name) or path.name == SNAPSHOTS:
            continue
        try:
            found = load(machines, path.name)
        except MachineError:
            found = None
        if found or (path / DATA.file(machines, path.name).name).exists():
            yield found or Data(path.name, Owner())


def owned(machines: Path, machine: str, owner: Owner) -> Data | None:
    """The record of a disk, which has to be its owner's; None if there is none.

    Raises:
        MachineError: The disk is somebody else's.
    """
    found = load(machines, machine)
    if found and found.owner != owner:
        raise MachineError(state(machines, found).refusal())
    return found


def claim(machines: Path, machine: str, owner: Owner, *, on_destroy: str = "") -> Data:
    """Have a disk's record say that it is its owner's and in use.

    Args:
        machines: The machines directory.
        machine: The machine's id.
        owner: Who asks.
        on_destroy: What becomes of the disk with the stack.

    Raises:
        MachineError: The disk is somebody else's.
    """
    found = owned(machines, machine, owner)
    if found is None and image(machines, machine).exists():
        raise MachineError(f"{image(machines, machine)} holds data, and nothing says whose it is. Move it away.")
    if found and found.kept:
        progress(f"the disk for data that was kept on {found.kept} is used again: {show(used(machines, machine))}")
    data = Data(machine, owner, on_destroy)
    if data != found:
        save(machines, data)
    return data


def image(machines: Path, machine: str) -> Path:
    """The image of a disk for data."""
    return DATA.file(machines, machine)


def size(machines: Path, machine: str) -> int:
    """The size of a disk for data in bytes; 0 if there is none."""
    file = image(machines, machine)
    found = read(Path(disk.attached(file) or file)) if file.is_file() else None
    return found.size if found else 0


def used(machines: Path, machine: str) -> int:
    """The bytes that a disk for data takes on this computer."""
    file = image(machines, machine)
    return file.stat().st_blocks * 512 if file.is_file() else 0


def problems(machines: Path, machine: str, wanted: int, current: int) -> list[str]:
    """What prevents a machine's disk for data, now of one size, from having another; empty if nothing does."""
    if current and not wanted:
        found = load(machines, machine)
        if found and found.on_destroy != "delete":
            return [
                f"{DATA.key} is 0, and the machine's disk for data has {show(used(machines, machine))} on it. Set "
                f"{DATA.key} to {show(current)} or more. If the data may be lost: set launchpad:on_destroy to delete, "
                f"run `launchpad up`, and then set {DATA.key} to 0."
            ]
    if current > wanted > 0:
        return [cannot_shrink(current, wanted, DATA.key)]
    return []


def provide(machines: Path, machine: Record, wanted: int, owner: int) -> None:
    """Make the image, unless there is one; its root directory belongs to the machine's root.

    Raises:
        MachineError: The disk space is not enough.
    """
    file = image(machines, machine.id)
    if file.exists():
        return
    disk.need_space(file.parent, disk.SPARE)
    disk.need_room(file, wanted, DATA.key)
    draft = file.with_name(f".{file.name}")
    disk.make_image(draft, wanted, owner)
    draft.rename(file)


def mount(machines: Path, machine: Record) -> None:
    """Mount a machine's disk for data, if it has one, where the container binds it.

    Raises:
        MachineError: The image is gone: nothing takes its place.
    """
    if not machine.data_disk:
        return
    file = image(machines, machine.id)
    if not file.is_file():
        raise MachineError(
            f"The disk for data {file} is gone, so machine {machine.id} does not start: its apps would begin with "
            "empty data. Put the file back; or, if the data may be lost, run `make destroy` and `make up`."
        )
    disk.mount_image(file, file.parent / MOUNT)


def bind(machines: Path, machine: Record) -> list[str]:
    """The container's arguments that give it its disk for data."""
    return [f"--bind={place(machines, machine.id) / MOUNT}:{INSIDE}"] if machine.data_disk else []


def release(machines: Path, machine: str, on_destroy: str) -> DataState:
    """Do with a disk what its stack says that becomes of it; the machine is gone.

    Returns:
        What has become of it.
    """
    found, file = load(machines, machine), image(machines, machine)
    if found is None or not file.is_file():
        remove(machines, machine)
        return DataState("absent", machine)
    if on_destroy == "keep":
        found.on_destroy, found.kept = on_destroy, found.kept or now()
        save(machines, found)
        progress(stays(machines, found))
    elif on_destroy == "snapshot":
        disk.wait_until_unused(file)
        copy = data_directory(machines) / SNAPSHOTS / f"{machine}-{now(file=True)}.img"
        copy.parent.mkdir(exist_ok=True, mode=0o700)
        shutil.copy(file.parent / FILE, copy.with_suffix(".json"))
        file.replace(copy)
        progress(f"the data stays as a snapshot: {copy}. To look at it: sudo mount -o ro,loop {copy} /mnt")
        remove(machines, machine)
    else:
        progress(f"removing the disk for data of machine {machine}")
        remove(machines, machine)
    return state(machines, found) if on_destroy == "keep" else DataState("absent", machine)


def stays(machines: Path, data: Data) -> str:
    """What a person is told of a disk that is kept."""
    remove = REMOVE.format(project=data.owner.project, stack=data.owner.stack)
    return (
        f"the disk for data stays: {image(machines, data.id)} ({show(used(machines, data.id))}). The next up of stack "
        f"{data.owner.stack} finds it. To remove it: {remove}"
    )


def remove(machines: Path, machine: str) -> None:
    """Remove a disk for data."""
    file = image(machines, machine)
    if file.is_file():
        disk.wait_until_unused(file)
    if file.parent.is_dir():
        shutil.rmtree(file.parent)
    folder = data_directory(machines)
    with contextlib.suppress(OSError):
        (folder / SNAPSHOTS).rmdir()
    with contextlib.suppress(OSError):  # other disks or snapshots still exist
        folder.rmdir()
        if machines.parent.name == "launchpad":
            machines.parent.rmdir()


def state(machines: Path, data: Data) -> DataState:
    """A disk as answers show it."""
    return DataState(
        state="kept" if data.kept else "used",
        id=data.id,
        owner=data.owner,
        size=size(machines, data.id),
        used=used(machines, data.id),
        kept=data.kept,
        on_destroy=data.on_destroy,
        image=str(image(machines, data.id)),
    )


def now(*, file: bool = False) -> str:
    """The time in UTC, as people read it or as a file is named."""
    return time.strftime("%Y%m%d-%H%M%S" if file else "%Y-%m-%d %H:%M UTC", time.gmtime())


def owned_by(machines: Path, owner: Owner) -> list[Data]:
    """The disks of a stack in a clone, whatever the name of its machine's resource."""
    wanted = (owner.clone, owner.project, owner.stack)
    return [each for each in every(machines) if (each.owner.clone, each.owner.project, each.owner.stack) == wanted]
