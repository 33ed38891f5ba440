"""What of the machine's memory PostgreSQL takes. Pure: the apps run on the same machine, and come first."""

from __future__ import annotations

from dataclasses import dataclass

MB = 2**20
STEP = 128
"""Megabytes to which the memory is rounded: a new kernel leaves a little more or less, and that restarts nothing."""


@dataclass(frozen=True)
class Tuning:
    """Settings of PostgreSQL.

    Attributes:
        connections: The most connections, of all apps together.
        of_one_app: The most connections of one app, so that none takes them all.
        shared_buffers: Megabytes of its own cache.
        effective_cache_size: Megabytes of the files that it may expect in the kernel's cache.
        maintenance_work_mem: Megabytes for an index that is built, or a VACUUM.
        work_mem: Kilobytes for one sort or hash of a query.
    """

    connections: int
    of_one_app: int
    shared_buffers: int
    effective_cache_size: int
    maintenance_work_mem: int
    work_mem: int


def tuning(memory: int) -> Tuning:
    """The settings for a machine.

    Half as much for ``shared_buffers`` as PostgreSQL's manual starts with on a machine of its own (19.4.1: a quarter).
    ``work_mem`` is what is left of the half of the memory, over three sorts of each connection, and not less than
    PostgreSQL's own default. Source: pgtune (github.com/le0pard/pgtune), type "web".

    Args:
        memory: Bytes that the machine has.
    """
    total = max(STEP, round(memory / MB / STEP) * STEP)
    connections = within(total // 10, 40, 200)
    shared = within(total // 8, 32, 8192)
    left = max(0, total // 2 - shared)
    return Tuning(
        connections=connections,
        of_one_app=connections - connections // 5,
        shared_buffers=shared,
        effective_cache_size=max(64, total // 2),
        maintenance_work_mem=within(total // 16, 16, 1024),
        work_mem=max(4096, left * 1024 // (connections * 3)),
    )


def within(value: int, low: int, high: int) -> int:
    """The value, or the limit that it is beyond."""
    return max(low, min(value, high))
