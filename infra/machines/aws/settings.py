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
