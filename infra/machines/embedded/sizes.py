"""Sizes as people write them: 512M, 1G, 1.5G."""

from __future__ import annotations

import re

UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def parse(text: str) -> int:
    """The bytes in a size such as ``1G``; units are powers of 1024. Raises ValueError for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if match is None:
        raise ValueError(f"{text!r} is not a size: write a number and K, M, G or T, such as 512M or 1G")
    return int(float(match[1]) * UNITS[match[2].upper()])


def show(size: int) -> str:
    """A size for people: ``1.5G``."""
    for unit in ("T", "G", "M", "K"):
        if size >= UNITS[unit]:
            return f"{size / UNITS[unit]:.1f}".removesuffix(".0") + unit
    return str(size)


def cannot_shrink(there: int, wanted: int) -> str:
    """Why a machine cannot have a smaller disk than it has, and what to do."""
    return (
        f"launchpad:disk is {show(wanted)}, but the machine's disk has {show(there)}, and a disk cannot shrink. "
        f"Set launchpad:disk to {show(there)} or more; for a smaller one, destroy the machine and make it again."
    )
