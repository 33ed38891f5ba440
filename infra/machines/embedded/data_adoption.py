"""Gives a stack a disk for data that another one has left, or a copy of a snapshot, as the disk that it begins with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from infra.machines.embedded import data, disk, lifecycle, record
from infra.machines.embedded.data import Data
from infra.machines.embedded.shell import MachineError, progress, run
from infra.machines.embedded.sizes import show
from infra.machines.embedded.state import DataState, Owner
from infra.machines.embedded.superblock import read
from infra.machines.embedded.volume import data_directory
from infra.protocol import codec


def snapshots(machines: Path) -> Iterator[DataState]:
    """The snapshots of disks for data, the oldest of each first."""
    folder = data_directory(machines) / data.SNAPSHOTS
    for image in sorted(folder.glob("*.img")) if folder.is_dir() else []:
        found = read(image)
        yield DataState(
            state="snapshot",
            id=image.stem,
            owner=_owner(image.with_suffix(".json")),
            size=found.size if found else 0,
            used=image.stat().st_blocks * 512,
            kept=_when(image.stem),
            image=str(image),
        )


def adopt(machines: Path, source: str, target: str, owner: Owner, *, abandoned: bool) -> Data:
    """Have a disk be a stack's, or a copy of a snapshot; may be killed and run again.

    Args:
        machines: The machines directory.
        source: The disk's or the snapshot's id.
        target: The id of the stack's machine, and so of its disk.
        owner: The stack.
        abandoned: Whether a machine of a clone that is gone may be removed for it.

    Raises:
        MachineError: There is none, somebody uses it, or the stack has a disk already.
    """
    _refuse_target(machines, source, target)
    snapshot = next((each for each in snapshots(machines) if each.id == source), None)
    if snapshot:
        return _copied(machines, snapshot, target, owner)
    found = data.load(machines, source) if data.ID.fullmatch(source) else None
    if found is None or not data.image(machines, source).exists():
        raise MachineError(f"There is no disk for data and no snapshot {source} here. See them: launchpad data list")
    _free(machines, found, owner, abandoned=abandoned)
    return _moved(machines, found, target, owner)


def _refuse_target(machines: Path, source: str, target: str) -> None:
    """Refuse a stack that has data: nothing takes the place of a disk that is there."""
    if source == target:
        raise MachineError(f"{source} is this stack's own disk for data; its next up finds it.")
    machine = record.load(machines, target)
    if data.image(machines, target).exists() or (machine and machine.data_disk):
        raise MachineError(
            f"This stack has a disk for data of its own, {target} ({show(data.used(machines, target))}), and a machine "
            "has one. Destroy the stack first; launchpad:on_destroy says what becomes of its data."
        )


def _free(machines: Path, found: Data, owner: Owner, *, abandoned: bool) -> None:
    """See that nobody uses a disk.

    Raises:
        MachineError: Somebody does, or may.
    """
    if found.kept or found.owner == owner:
        return
    whose, machine = data.state(machines, found), record.load(machines, found.id)
    place = Path(found.owner.clone or "/")
    if place.is_dir():
        raise MachineError(
            f"{whose.refusal()} That stack is in use. To hand its data over, destroy it there with "
            "launchpad:on_destroy keep."
        )
    if not abandoned:
        raise MachineError(
            f"{whose.refusal()} That folder is not there any more. If it was moved, destroy the stack from its new "
            "place, with launchpad:on_destroy keep. If it is gone for good: launchpad data adopt "
            f"{found.id} --stack {owner.stack} --abandoned{', which removes its machine' if machine else ''}"
        )
    if machine:
        progress(f"removing machine {found.id}, which {place} had")
        lifecycle.remove(machines, found.id, machine)


def _moved(machines: Path, found: Data, target: str, owner: Owner) -> Data:
    """Have a disk be another stack's. Its record goes first: whoever runs this again goes on."""
    image = data.image(machines, found.id)
    if disk.wait_until_unused(image):
        raise MachineError(f"{image} is in use on this computer; unmount it first.")
    adopted = replace(found, owner=owner, on_destroy="", kept=found.kept or data.now())
    data.save(machines, adopted)
    if data.place(machines, target).is_dir():
        data.remove(machines, target)
    data.place(machines, found.id).rename(data.place(machines, target))
    return replace(adopted, id=target)


def _copied(machines: Path, snapshot: DataState, target: str, owner: Owner) -> Data:
    """Have a copy of a snapshot be a stack's disk. The snapshot stays."""
    image = data.image(machines, target)
    image.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    disk.need_space(image.parent, snapshot.used + disk.SPARE)
    draft = image.with_name(f".{image.name}")
    progress(f"copying {show(snapshot.used)}")
    run(["cp", "--sparse=always", "--reflink=auto", snapshot.image, draft])
    copied = Data(target, owner, kept=snapshot.kept or data.now())
    data.save(machines, copied)
    draft.rename(image)
    return copied


def _owner(path: Path) -> Owner:
    """Whose a snapshot was; empty if nothing says so."""
    try:
        return codec.parse(Data, json.loads(path.read_text())).owner
    except (OSError, ValueError, codec.MessageError):
        return Owner()


def _when(name: str) -> str:
    """When a snapshot was taken, by its name; empty if that does not say so."""
    day, _, time = name.partition("-")[2].partition("-")
    if not (len(day) == 8 and len(time) == 6 and (day + time).isdecimal()):
        return ""
    return f"{day[:4]}-{day[4:6]}-{day[6:]} {time[:2]}:{time[2:4]} UTC"
