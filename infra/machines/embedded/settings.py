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
    data_disk: str = key(
        readers.none_or_megabytes(64),
        default="4G",
        description="""Size of a disk of its own for data, such as 4G, at least 64M. A machine that is replaced or
            deleted is given it again, and on_destroy says what becomes of it with the stack. It grows in place, cannot
            shrink, and takes as much space as is written to it. 0: data is on the machine's own disk and goes with
            it.""",
        also=("data_volume", "persistent_disk"),
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
