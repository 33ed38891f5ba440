"""The driver's verbs about disks for data (see data.py)."""

from __future__ import annotations

import contextlib
from pathlib import Path

from infra.machines.embedded import data, data_adoption, locks, record
from infra.machines.embedded.record import Record
from infra.machines.embedded.requests import AdoptData, ClaimData, Ensure, InspectData, Place, ReleaseData
from infra.machines.embedded.shell import MachineError
from infra.machines.embedded.state import DataState, machine_id


def refuse_size(machines: Path, machine: Record | None, request: Ensure) -> None:
    """Refuse a size of the disk for data that it cannot have, before anything is changed.

    Raises:
        MachineError: It is smaller than it was, or the machine is to lose the disk without being replaced.
    """
    wanted = request.spec.data_disk
    if problems := data.problems(machines, request.id, wanted, data.size(machines, request.id)):
        raise MachineError(" ".join(problems))
    if machine and machine.made and machine.data_disk and not wanted:
        raise MachineError(f"Machine {request.id} cannot lose its disk for data; it has to be replaced by one without.")


def claim(place: Place, request: ClaimData) -> DataState:
    """Have a stack own the disk for data of its machine."""
    with locks.held(locks.DIRECTORY / f"{request.id}.lock", f"machine {request.id}"):
        claimed = data.claim(place.machines, request.id, request.owner, on_destroy=request.on_destroy)
        return data.state(place.machines, claimed)


def inspect(place: Place, request: InspectData) -> DataState:
    """Report the state of a disk for data."""
    found = data.load(place.machines, request.id)
    return data.state(place.machines, found) if found else DataState("absent", request.id)


def adopt(place: Place, request: AdoptData) -> DataState:
    """Give a stack a disk for data that nobody uses, or a copy of a snapshot."""
    target = machine_id(request.owner)
    with contextlib.ExitStack() as held:
        for name in sorted({target, request.source}):
            held.enter_context(locks.held(locks.DIRECTORY / f"{name}.lock", f"machine {name}"))
        adopted = data_adoption.adopt(
            place.machines, request.source, target, request.owner, abandoned=request.abandoned
        )
        return data.state(place.machines, adopted)


def every(place: Place) -> tuple[tuple[DataState, ...], tuple[DataState, ...]]:
    """The disks for data on this computer, and the snapshots."""
    disks = tuple(data.state(place.machines, each) for each in data.every(place.machines))
    return disks, tuple(data_adoption.snapshots(place.machines))


def release(place: Place, request: ReleaseData) -> DataState:
    """Do with a disk for data what its stack says."""
    with locks.held(locks.DIRECTORY / f"{request.id}.lock", f"machine {request.id}"):
        machine = record.load(place.machines, request.id)
        if machine and machine.data_disk:
            raise MachineError(f"Machine {request.id} still has this disk for data. Destroy the machine first.")
        return data.release(place.machines, request.id, request.on_destroy)
