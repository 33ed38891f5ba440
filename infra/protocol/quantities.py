"""The rules of sizes and times: a number of bytes or seconds, or text with a unit."""

from __future__ import annotations

import re
from collections.abc import Callable

from infra.protocol.refusal import Refusal

SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([KMGT](?:I?B)?|B)", re.IGNORECASE)
UNITS = {
    **{"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12},
    **{"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40},
    **{"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40},
}
"""Bytes of each unit of size, for all keys: MB is 1000 * 1000 and M is 1024 * 1024, as in coreutils."""
TIME = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(ms|s|m|h)")
TIMES = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(low: float, high: float) -> Callable[[object], float]:
    """A time from ``low`` to ``high`` seconds, both included: a number of seconds, or text such as 90s, 5m, 1h."""

    def read(value: object) -> float:
        number = duration(value)
        if number is None or not low <= number <= high:
            raise Refusal(f"a time from {low:g} to {high:g} seconds, such as 90, 90s, 5m or 1h")
        return number

    return read


def duration(value: object) -> float | None:
    """Seconds from a number or from text such as 500ms, 30s, 5m, 1h; None if it is neither."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    match = TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    return float(match[1]) * TIMES[match[2]] if match else None


def size(low: int, high: int, allowed: str) -> Callable[[object], int]:
    """A size from ``low`` to ``high`` bytes, both included: a number of bytes, or text with a unit of ``UNITS``."""

    def read(value: object) -> int:
        number = size_in_bytes(value)
        if number is None or not low <= number <= high:
            raise Refusal(allowed)
        return number

    return read


def size_in_bytes(value: object) -> int | None:
    """Bytes from a number or from text with a unit such as 10MB or 512M; None if it is neither."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    return int(float(match[1]) * UNITS[match[2].upper()]) if match else None


def in_bytes(text: str) -> int:
    """Bytes from text that is known to be a size: a number, or one with a unit."""
    return size_in_bytes(int(text) if text.isdecimal() else text) or 0


def in_words(size: int) -> str:
    """A size as people write it: 512M, 2G; bytes if it is not a whole number of M."""
    for unit, factor in (("G", 2**30), ("M", 2**20)):
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return f"{size / 10**6:.0f}MB" if size >= 10**6 else f"{size} bytes"


body_limit = size(1, 10**15, "a size such as 512KB, 10MB or 1GB")
"""The longest request body, in bytes."""

header_limit = size(1000, 10**9, "a size such as 16KB or 64KB, at least 1KB")
"""The longest request header, in bytes."""

memory = size(0, 10**15, "a size such as 512M or 2G")
"""Memory of a process, in bytes."""
