"""The driver's verbs about disks for data (see data.py)."""

from __future__ import annotations

from pathlib import Path

from infra.machines.embedded import data, locks, record
from infra.machines.embedded.record import Record
from infra.machines.embedded.requests import ClaimData, Ensure, InspectData, Place, ReleaseData
from infra.machines.embedded.shell import MachineError
from infra.machines.embedded.state import DataState


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


def release(place: Place, request: ReleaseData) -> DataState:
    """Do with a disk for data what its stack says."""
    with locks.held(locks.DIRECTORY / f"{request.id}.lock", f"machine {request.id}"):
        machine = record.load(place.machines, request.id)
        if machine and machine.data_disk:
            raise MachineError(f"Machine {request.id} still has this disk for data. Destroy the machine first.")
        return data.release(place.machines, request.id, request.on_destroy)
