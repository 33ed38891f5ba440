"""The config keys of an embedded machine."""

from __future__ import annotations

from dataclasses import dataclass

from infra.config import readers
from infra.config.key import Keys, key


@dataclass(frozen=True, kw_only=True)
class EmbeddedKeys(Keys):
    """A system container on this computer, with its own address, firewall and disk."""

    memory: str = key(
        readers.megabytes(128),
        default="1G",
        description="Memory limit, such as 512M or 2G. Changes apply in place.",
        also=("ram", "mem"),
    )
    disk: str = key(
        readers.megabytes(512),
        default="4G",
        description="Size of the disk, such as 4G or 20G, at least 512M. It grows in place and cannot shrink.",
        also=("volume", "storage", "size"),
    )
    cpus: int = key(
        readers.whole_number(0, 1024),
        default="0",
        description="Number of processors; 0: all of this computer's. Changes apply in place.",
        example="2",
        also=("cpu", "cores", "processors"),
    )


DEFAULTS = EmbeddedKeys()
"""The default value of every key."""
