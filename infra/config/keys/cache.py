"""The keys of the app's cache, and of the check of servers that it uses elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from infra.config import readers
from infra.config.key import Keys, key
from infra.protocol import quantities, services

_size = quantities.size(8 * 2**20, 10**15, "auto, or a size such as 64M or 1G, at least 8M")
"""A cache's memory in bytes. Below 8M Redis holds next to nothing."""


def kind(value: str) -> str:
    """Read the cache's kind; Valkey is another word for it, as it speaks the same protocol."""
    return services.REDIS if value.strip() == "valkey" else services.cache_kind(value.strip())


def memory(value: str) -> int:
    """Read the cache's memory in bytes; 0 for auto."""
    return 0 if value.strip() == "auto" else _size(value.strip())


@dataclass(frozen=True, kw_only=True)
class CacheKeys(Keys):
    """A Redis on the machine, for the app alone: for its cache, its sessions, its queue."""

    title: ClassVar[str] = "Cache and queue"

    cache: str = key(
        kind,
        description="""redis: the machine runs a Redis for the app, at a socket that this app alone reaches, and the app
            gets its address as REDIS_URL. What is in it outlives restarts and deployments.""",
        example="redis",
        also=("redis", "valkey", "queue", "broker"),
    )
    cache_memory: int = key(
        memory,
        default="auto",
        description="""Most memory that the cache takes, such as 64M or 1G; another one restarts it. auto: an eighth of
            the machine's, from 32M to 1G.""",
        also=("redis_memory", "maxmemory", "cache_size"),
    )
    cache_policy: str = key(
        readers.choice(*services.POLICIES),
        default=services.POLICIES[0],
        description="""What the cache does when it is full, in Redis's words. volatile-lru: it drops what has an expiry
            and was not used for longest, never a job of Celery or RQ. noeviction: it drops nothing, and refuses to
            write.""",
        also=("maxmemory_policy", "eviction", "redis_policy"),
    )
