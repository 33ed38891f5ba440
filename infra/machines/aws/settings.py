"""The config key for the region, which every kind of machine on AWS has in the same form."""

from __future__ import annotations

from infra.config import readers
from infra.config.key import NAMESPACE, key


def region(also: tuple[str, ...] = ()) -> str:
    """Declare the key for the region.

    Args:
        also: Other words for it.
    """
    return key(
        readers.pattern(r"[a-z]{2}(-[a-z]+)+-[0-9]", "an AWS region such as eu-central-1", empty=True),
        description="AWS region of the machine.",
        example="eu-central-1",
        also=also,
    )


def region_missing(kind: str) -> str:
    """What is said where a kind's region is empty."""
    return f"{NAMESPACE}:{kind}.region is empty; it must be the AWS region of the machine, such as eu-central-1"


def disk_size(low: int, high: int) -> readers.Reader[int]:
    """A size in whole gigabytes such as 32G, or 0 for no disk; returns the number."""

    def read(value: str) -> int:
        if value.strip() == "0":
            return 0
        try:
            return readers.gigabytes(low, high)(value)
        except ValueError:
            raise ValueError(f"0 or a size from {low}G to {high}G, such as 32G") from None

    return read
