"""How many workers the server of an app starts: what the machine's cores can use, and its memory can hold."""

from __future__ import annotations

import os
from pathlib import Path

from infra.protocol import paths

WORKER = 256 * 2**20
"""Bytes that a worker may need: an ordinary Django or Flask app takes 50 to 150 MB."""
MEMINFO = Path("/proc/meminfo")
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
DECLARED = Path(paths.MEMORY)


def count(cores: int, memory: int) -> int:
    """The workers of a server.

    Two for each core and one more is what gunicorn recommends; the memory may be too small for so many.
    Source: gunicorn's documentation, "How Many Workers?".

    Args:
        cores: The processor's cores.
        memory: Bytes that the web process may take, or the machine has. Counted to the nearest worker, as a machine
            called one of 1 GB has a little less.
    """
    return max(1, min(2 * cores + 1, round(memory / WORKER)))


def here(limit: int, others: int = 0) -> int:
    """The workers of a server on this machine.

    Args:
        limit: The most memory in bytes that the web process may take; 0 for no limit.
        others: The bytes that the app's other processes may take, as far as they are limited.
    """
    memory = max(0, machine_memory() - others)
    return count(len(os.sched_getaffinity(0)), min(limit, memory) if limit else memory)


def machine_memory() -> int:
    """The machine's memory in bytes; of a container what it may take of its host's.

    Where the host has no memory controller, that is what the settings of an embedded machine say.
    """
    total = int(MEMINFO.read_text(encoding="ascii").split("MemTotal:", 1)[1].split()[0]) * 1024
    limits = [path.read_text(encoding="ascii").strip() for path in (CGROUP_LIMIT, DECLARED) if path.exists()]
    return min([total, *(int(limit) for limit in limits if limit.isdigit())])
