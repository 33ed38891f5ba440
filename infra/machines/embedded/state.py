"""A machine as the driver, its record and its client share it: its owner, its settings, its state."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import ClassVar

from infra.protocol import values
from infra.protocol.codec import Message, each, value
from infra.protocol.firewall import Rule
from infra.protocol.refusal import Refusal

SIZE = values.whole(0, 2**60)
"""Bytes."""


def processors(value: object) -> float:
    """A number of processors, which may be a fraction."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise Refusal("a number of processors above 0")
    return value


@dataclass(frozen=True)
class Owner(Message):
    """The owner of a machine: a clone of this repository, the project and stack in it, and the resource's name."""

    clone: str = value(values.text, "")
    project: str = value(values.text, "")
    stack: str = value(values.text, "")
    name: str = value(values.text, "")


def machine_id(owner: Owner) -> str:
    """The id of an owner's machine: always the same, so that the next run finds the machine of an interrupted one.

    It is also the name of a network interface, which may have 15 characters.
    """
    text = "\0".join((owner.clone, owner.project, owner.stack, owner.name))
    return f"lp{hashlib.sha256(text.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class MachineSpec(Message):
    """The requested settings of a machine. Sizes are in bytes; ``cpus`` is None for all processors."""

    suite: str = value(values.text)
    host_key: str = value(values.text)
    authorized_key: str = value(values.text)
    memory: int = value(SIZE)
    disk: int = value(SIZE)
    data_disk: int = value(SIZE, 0)
    """0: it has no disk for data."""

    cpus: float | None = value(processors, None)
    firewall: tuple[Rule, ...] = value(each(Rule), ())


@dataclass(frozen=True)
class MachineState(Message):
    """The state of a machine. An absent or broken machine has only its id."""

    TITLE: ClassVar[str] = "The driver's answer about a machine"

    state: str = value(values.choice("running", "stopped", "absent", "broken"))
    id: str = value(values.text, "")
    engine: str = value(values.text, "")
    owner: Owner = value(Owner, Owner())
    suite: str = value(values.text, "")
    memory: int = value(SIZE, 0)
    cpus: float | None = value(processors, None)
    disk: int = value(SIZE, 0)
    data_disk: int = value(SIZE, 0)
    base: str = value(values.text, "")
    firewall: tuple[Rule, ...] = value(each(Rule), ())
    host_key: str = value(values.text, "")
    authorized_key: str = value(values.text, "")
    address: str = value(values.text, "")
    local_ports: tuple[tuple[str, str], ...] = value(values.texts, (), write=dict)
    instance_id: str = value(values.text, "")
    boot_id: str = value(values.text, "")
    adoptable: bool = value(values.flag, False)
    directory: str = value(values.text, "")


@dataclass(frozen=True)
class DataState(Message):
    """The state of a disk for data: used, kept after its stack was destroyed, a snapshot, or absent. Sizes in bytes."""

    TITLE: ClassVar[str] = "The driver's answer about a disk for data"

    state: str = value(values.choice("used", "kept", "absent", "snapshot"))
    id: str = value(values.text, "")
    owner: Owner = value(Owner, Owner())
    size: int = value(SIZE, 0)
    used: int = value(SIZE, 0)
    kept: str = value(values.text, "")
    """When its stack was destroyed and it was kept, or the snapshot was taken."""

    on_destroy: str = value(values.text, "")
    image: str = value(values.text, "")

    def refusal(self) -> str:
        """What a person reads who asks for a disk that is somebody else's."""
        owner = self.owner
        return (
            f"The disk for data {self.image} belongs to stack {owner.stack or '?'} of project {owner.project or '?'} "
            f"in {owner.clone or '?'}, and not to this one. Nothing was changed."
        )
