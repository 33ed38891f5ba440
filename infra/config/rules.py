"""The ``rules`` key: additional firewall rules. A mistake is reported with the number of its rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from infra.config import readers
from infra.protocol.refusal import Refusal


@dataclass(frozen=True)
class OpenPorts:
    """A range of ports, both limits included, that a network may reach."""

    KEYS: ClassVar = ("port", "from_port", "to_port", "protocol", "cidr", "description")
    """The allowed keys of a rule in config; ``port`` sets both limits."""

    protocol: Literal["tcp", "udp"]
    from_port: int
    to_port: int
    cidr: str
    description: str


def read(value: str) -> tuple[OpenPorts, ...]:
    """Read a list of additional ingress rules.

    Args:
        value: A JSON list of maps with the keys in ``OpenPorts.KEYS``.

    Raises:
        Refusal: With the number of the first wrong rule and its mistake.
    """
    allowed = 'a list of rules such as [{"port": 9000, "protocol": "tcp", "cidr": "203.0.113.0/24"}]'
    rules = []
    for number, item in enumerate(readers.json_of(value, list, allowed)):
        try:
            rules.append(_rule(item))
        except Refusal as wrong:
            raise Refusal(f"{allowed}; rules[{number}]: {wrong}") from None
    return tuple(rules)


def _rule(item: Any) -> OpenPorts:
    """Read one rule."""
    if not isinstance(item, dict):
        raise Refusal("must be a map")
    if unknown := sorted(set(item) - set(OpenPorts.KEYS)):
        raise Refusal(f"unknown key {unknown[0]!r} (allowed: {', '.join(OpenPorts.KEYS)})")
    try:
        first = int(item["port"] if "port" in item else item["from_port"])
        last = first if "port" in item else int(item["to_port"])
    except (KeyError, TypeError, ValueError):
        raise Refusal("port, or from_port and to_port, must be whole numbers") from None
    if not 1 <= first <= last <= 65535:
        raise Refusal("ports must be from 1 to 65535, from_port first")
    protocol = item.get("protocol", "tcp")
    if protocol not in ("tcp", "udp"):
        raise Refusal(f"protocol is {protocol!r}; it must be tcp or udp")
    try:
        cidr = readers.cidr(item.get("cidr"))
    except ValueError:
        raise Refusal("cidr must be a network such as 203.0.113.0/24, host bits zero") from None
    description = str(item.get("description", f"port {first}"))
    return OpenPorts(protocol, first, last, cidr, description)
