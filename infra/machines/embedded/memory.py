"""Tells a machine how much memory it may take: where this computer has no memory controller, its kernel cannot."""

from __future__ import annotations

from pathlib import Path

from infra.machines.embedded.record import Record, directory
from infra.protocol import paths

FILE = "memory"


def tell(machines: Path, record: Record) -> None:
    """Write it down for the machine. The file stays the same one, as it is mounted there."""
    file = directory(machines, record.id) / FILE
    file.write_text(f"{record.memory}\n")
    file.chmod(0o644)


def bind(machines: Path, record: Record) -> list[str]:
    """The container's arguments that show it the file."""
    return [f"--bind-ro={directory(machines, record.id)}/{FILE}:{paths.MEMORY}"]
