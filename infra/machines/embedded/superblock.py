"""The superblock of an ext4 file system, read from its disk without mounting it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

MAGIC = 0xEF53


@dataclass(frozen=True)
class Superblock:
    """The size of a file system in bytes, and the time of its last mount in seconds since 1970."""

    size: int
    mounted: int


def parse(data: bytes) -> Superblock | None:
    """Parse a superblock.

    Args:
        data: The 1024 bytes at offset 1024 of a disk.

    Returns:
        The superblock; None if the data is not one.

    Source:
        https://www.kernel.org/doc/html/latest/filesystems/ext4/super.html
    """
    if len(data) < 1024 or struct.unpack_from("<H", data, 0x38)[0] != MAGIC:
        return None
    low, scale = struct.unpack_from("<I", data, 0x4)[0], struct.unpack_from("<I", data, 0x18)[0]
    has_64_bits = struct.unpack_from("<I", data, 0x60)[0] & 0x80
    high = struct.unpack_from("<I", data, 0x150)[0] if has_64_bits else 0
    return Superblock((high << 32 | low) * (1024 << scale), struct.unpack_from("<I", data, 0x2C)[0])


def read(disk: Path) -> Superblock | None:
    """Read the superblock of a disk file or a device; None if it has no ext4 file system."""
    with disk.open("rb") as file:
        file.seek(1024)
        return parse(file.read(1024))
