"""The disks of a machine: that of its system, which goes with it, and that for data, which its owner is given again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.machines.embedded.record import Record, directory


@dataclass(frozen=True)
class Volume:
    """One of the disks.

    Attributes:
        name: What a machine's record and the config call it.
        file: Its image, by the machines directory and the machine's id.
    """

    name: str
    file: Callable[[Path, str], Path]

    @property
    def key(self) -> str:
        """The config key of its size."""
        return f"launchpad:embedded.{self.name}"

    def image(self, machines: Path, machine: Record) -> Path:
        """The image of a machine's disk."""
        return self.file(machines, machine.id)

    def recorded(self, machine: Record) -> int:
        """The size in bytes that a machine's record has."""
        return machine.data_disk if self.name == DATA.name else machine.disk


def data_directory(machines: Path) -> Path:
    """The directory of the disks for data, beside that of the machines: it outlives them."""
    return machines.with_name(f"{machines.name}-data")


SYSTEM = Volume("disk", lambda machines, machine: directory(machines, machine) / "disk.img")
DATA = Volume("data_disk", lambda machines, machine: data_directory(machines) / machine / "data.img")
