"""What an app leans on beside its own processes: the cache that the machine runs for it."""

from __future__ import annotations

from dataclasses import dataclass

from infra.protocol import quantities, values
from infra.protocol.codec import Message, value

REDIS = "redis"
POLICIES = ("volatile-lru", "volatile-lfu", "volatile-ttl", "noeviction", "allkeys-lru", "allkeys-lfu")
"""What a full cache does, in Redis's own words, our default first."""

cache_kind = values.pattern(REDIS, "redis, or empty for none", empty=True)
"""The cache of an app; empty: none."""


@dataclass(frozen=True)
class Cache(Message):
    """The cache that the machine runs for one app.

    Attributes:
        kind: What it is; empty: there is none.
        memory: The most bytes that it holds; 0: a part of the machine's memory.
        policy: What it does when it is full.
    """

    kind: str = value(cache_kind, "")
    memory: int = value(quantities.memory, 0)
    policy: str = value(values.choice(*POLICIES), POLICIES[0])
