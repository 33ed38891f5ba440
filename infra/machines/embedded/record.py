"""The record of a machine, in the machine's directory, which lets any later run find, repair or remove it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.common import atomic
from infra.machines.embedded.state import SIZE, Owner, processors
from infra.protocol import codec, values
from infra.protocol.codec import Message, each, value
from infra.protocol.firewall import Rule

FILE = "machine.json"


@dataclass
class Record(Message):
    """A machine: its owner, its settings, and what the driver assigned to it."""

    id: str = value(values.text)
    owner: Owner = value(Owner)
    """The stack and clone that it belongs to."""

    suite: str = value(values.text)
    memory: int = value(SIZE)
    disk: int = value(SIZE)
    """In bytes, like ``memory``."""

    host_key: str = value(values.text)
    authorized_key: str = value(values.text)
    data_disk: int = value(SIZE, 0)
    """The size of the disk for data, which is kept elsewhere (see data.py); 0: it has none."""

    cpus: float | None = value(processors, None)
    firewall: tuple[Rule, ...] = value(each(Rule), ())
    engine: str = value(values.text, "container")
    base: str = value(values.text, "")
    """The base image's directory: the read-only layer of the machine's disk."""

    link: str = value(values.text, "")
    """The /30 between this computer and the machine."""

    local_ports: tuple[tuple[str, str], ...] = value(values.texts, (), write=dict)
    """The ports of this computer's loopback that lead to the machine's, by the machine's port (see forwards.py)."""

    instance_id: str = value(values.text, "")
    boot_id: str = value(values.text, "")
    made: bool = value(values.flag, False)
    """Whether the disk is complete; an incomplete machine is created again from scratch."""

    adoptable: bool = value(values.flag, False)
    """Whether a stack that has other keys than the machine may give it its own: somebody said so (see adoption.py)."""

    pid: int = value(SIZE, 0)
    started: int = value(SIZE, 0)
    """The start time of the container's first process, ``pid``, in ticks since boot: process ids are reused."""


def new_token(prefix: str) -> str:
    """A unique name for an instance or a boot."""
    return f"{prefix}-{os.urandom(9).hex()[:17]}"


def directory(machines: Path, machine: str) -> Path:
    """The directory that holds everything of a machine."""
    return machines / machine


def save(machines: Path, record: Record) -> None:
    """Write a record atomically: a reader sees the old or the new one, never a part of it."""
    place = directory(machines, record.id)
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    atomic.replace(place / FILE, (json.dumps(codec.plain(record), indent=2) + "\n").encode(), 0o600)


def load(machines: Path, machine: str) -> Record | None:
    """Load the record of a machine; None if it is missing or unreadable.

    A record with an unreadable owner gets an empty one, so that searching all machines for those of a stack does not
    fail because of it.
    """
    try:
        data = json.loads((directory(machines, machine) / FILE).read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    try:
        return codec.parse(Record, data if not isinstance(data, dict) or _is_owner(data) else {**data, "owner": {}})
    except codec.MessageError:
        return None


def _is_owner(data: dict[str, object]) -> bool:
    try:
        codec.parse(Owner, data.get("owner"))
    except codec.MessageError:
        return False
    return True


def every(machines: Path) -> Iterator[tuple[str, Record | None]]:
    """Iterate over the machine directories.

    Yields:
        The machine's id and its record; None if the machine was interrupted before its record was written.
    """
    if machines.is_dir():
        for place in sorted(machines.iterdir()):
            if place.is_dir():
                yield place.name, load(machines, place.name)
