"""Where a machine's data is: on its own disk, or on a disk for data that outlives it."""

from __future__ import annotations

from infra.protocol import values

NONE = ""
"""The data is on the machine's own disk."""
MOUNTED = "mounted"
"""The kind of machine has mounted the disk for data already, at ``paths.DATA_DISK``."""

_DEVICE = r"/dev(?:/(?!\.\.?(?:[/,]|$))[A-Za-z0-9_.:+=@-]+)+"

place = values.pattern(
    rf"{MOUNTED}|{_DEVICE}(?:,{_DEVICE})*",
    f"empty, {MOUNTED}, or the path of a block device such as /dev/disk/by-id/nvme-data",
    empty=True,
)
"""Where the disk for data is: ``NONE``, ``MOUNTED``, or its block device, which ``prepare`` mounts (``devices``)."""


def devices(place: str) -> tuple[str, ...]:
    """The paths by which a machine may see its block device, the surest first: each names that disk and no other."""
    return tuple(place.split(","))
