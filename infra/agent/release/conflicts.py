"""Tells when a release cannot start because the one that serves has its port or its lock. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

IN_USE = re.compile(
    r"address already in use|EADDRINUSE|Errno 98\b|Connection in use|is in use by another program", re.I
)
"""What a process logs whose port is taken."""
PORT = re.compile(r"(?:\bport |[:,] ?)(?P<port>\d{2,5})\b(?!\.\d)", re.I)
LOCKED = re.compile(
    r"database is locked|database table is locked|already locked|could not (?:acquire|obtain|get) (?:the |a )?lock"
    r"|(?:unable|failed) to (?:acquire|obtain|get) (?:the |a )?lock|already running"
    r"|(?:lock|pid) ?file\b.*\b(?:exists|held|locked|taken|in use|another|already)"
    r"|\b(?:cannot|can't|could not|unable to|failed to) \w+ (?:the |a )?(?:lock|pid) ?file\b"
    r"|Errno 11\b|Resource temporarily unavailable|is held by another process"
    r"|terminated by other getUpdates request",
    re.I,
)
"""What a process logs that finds a lock taken, or another connection of itself (Telegram's bots)."""
SHOWN_WIDTH = 200
RECREATE = (
    "If the app cannot run twice at once, set launchpad:release_strategy to recreate: "
    "the old release then stops before the new one starts."
)


@dataclass(frozen=True)
class Holder:
    """Who listens on a port.

    Attributes:
        name: The process, for people.
        release: The release that it belongs to, if it is a process of the app; otherwise empty.
    """

    name: str
    release: str = ""


def remedy(log: Sequence[str], old: str, holders: Mapping[int, Holder]) -> str:
    """What a failed release found taken, who has it, and what to do; empty if its log says no such thing.

    Args:
        log: What it wrote.
        old: The release that ran beside it; empty if none did.
        holders: Who listens on the ports of this machine, but for the slot's own.
    """
    for line in reversed(log):
        if IN_USE.search(line):
            return _port(line, old, holders)
        if LOCKED.search(line) and old:
            return f"The release that serves ({old}) may have what it found taken: {_shown(line)}\n{RECREATE}"
    return ""


def _port(line: str, old: str, holders: Mapping[int, Holder]) -> str:
    named = [int(match["port"]) for match in PORT.finditer(line)]
    ports = [port for port in named if port in holders] or [
        port for port, holder in sorted(holders.items()) if old and holder.release == old and not named
    ]
    if not ports:
        return f"The release that serves ({old}) may have the port: {_shown(line)}\n{RECREATE}" if old else ""
    port = ports[0]
    holder = holders[port]
    if not holder.release:
        return f"Port {port}, which it wants, is in use by {holder.name}."
    which = "the release that serves" if holder.release == old else "another process of the app"
    text = f"Port {port}, which it wants, is in use by {which} ({holder.release}, {holder.name})."
    return f"{text}\n{RECREATE}" if holder.release == old else text


def _shown(line: str) -> str:
    return line.strip()[:SHOWN_WIDTH]
