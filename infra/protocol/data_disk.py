"""Where a machine's data is: on its own disk, or on a disk for data that outlives it."""

from __future__ import annotations

from infra.protocol import values

NONE = ""
"""The data is on the machine's own disk."""
MOUNTED = "mounted"
"""The kind of machine has mounted the disk for data already, at ``paths.DATA_DISK``."""

place = values.pattern(
    rf"{MOUNTED}|/dev(?:/(?!\.\.?(?:/|$))[A-Za-z0-9_.:+=@-]+)+",
    f"empty, {MOUNTED}, or the path of a block device such as /dev/disk/by-id/nvme-data",
    empty=True,
)
"""Where the disk for data is: ``NONE``, ``MOUNTED``, or the path of its block device, which ``prepare`` mounts."""
