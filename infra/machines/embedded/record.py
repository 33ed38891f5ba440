"""What is written down about a machine, in its own directory, so that any later run can find, heal or remove it."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

FILE = "machine.json"


@dataclass
class Record:
    """One machine: whose it is, what it should be, and what it has been given."""

    id: str
    owner: dict[str, str]
    """The clone, project, stack and name that it was made for."""

    suite: str
    memory: int
    cpus: float | None
    disk: int
    """Bytes, as ``memory``."""

    firewall: list[dict[str, Any]]
    host_key: str
    authorized_key: str
    engine: str = "container"
    base: str = ""
    """The base image's directory: the read-only half of the machine's disk."""

    link: str = ""
    """The /30 between this computer and the machine."""

    instance_id: str = ""
    boot_id: str = ""
    made: bool = False
    """Whether the disk is complete; what is not is made again from nothing."""

    pid: int = 0
    started: int = 0
    """The container's first process, and its start time in ticks since boot: a process id alone may be reused."""


def new_token(prefix: str) -> str:
    """A name that was never used before, for an instance or a boot."""
    return f"{prefix}-{uuid.uuid4().hex[:17]}"


def directory(machines: Path, machine: str) -> Path:
    """Where everything of a machine lies."""
    return machines / machine


def save(machines: Path, record: Record) -> None:
    """Write a record so that a reader sees the old or the new one, never half of it."""
    place = directory(machines, record.id)
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = place / f"{FILE}.new"
    with draft.open("w") as file:
        json.dump(asdict(record), file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(place / FILE)


def load(machines: Path, machine: str) -> Record | None:
    """The record of a machine, or None where there is none that can be read.

    One whose owner cannot be read is nobody's: looking through all machines for those of a stack must not fail over it.
    """
    try:
        record = Record(**json.loads((directory(machines, machine) / FILE).read_text()))
        return record if isinstance(record.owner, dict) else replace(record, owner={})
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None


def every(machines: Path) -> Iterator[tuple[str, Record | None]]:
    """Every machine directory with its record; None for one whose create ended before the record was written."""
    if machines.is_dir():
        for place in sorted(machines.iterdir()):
            if place.is_dir():
                yield place.name, load(machines, place.name)
