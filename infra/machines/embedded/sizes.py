"""Sizes as people write them: 512M, 1G, 1.5G."""

from __future__ import annotations

from infra.protocol import quantities


def parse(text: str) -> int:
    """Convert a size such as ``1G``, or a number of bytes, to bytes. The units are those of the config keys.

    Raises:
        ValueError: The text is neither.
    """
    size = int(text) if text.strip().isdecimal() else quantities.size_in_bytes(text)
    if size is None:
        raise ValueError(f"{text!r} is not a size: write a number and K, M, G or T, such as 512M or 1G")
    return size


def show(size: int) -> str:
    """Format a size, such as ``1.5G``."""
    for unit in ("T", "G", "M", "K"):
        if size >= quantities.UNITS[unit]:
            return f"{size / quantities.UNITS[unit]:.1f}".removesuffix(".0") + unit
    return str(size)


def cannot_shrink(current: int, new: int, key: str) -> str:
    """The message that a disk cannot become smaller, with what to do; ``key`` is the config key of its size."""
    return (
        f"{key} is {show(new)}, but the machine's disk has {show(current)}, and a disk cannot shrink. Set {key} to "
        f"{show(current)} or more; for a smaller disk, destroy the machine and create it again."
    )
