"""Further firewall rules as config holds them; mistakes are told by the rule's number."""

from __future__ import annotations

from typing import Any

from infra import values

RULE_KEYS = ("port", "from_port", "to_port", "protocol", "cidr", "description")


def read(value: str) -> tuple[dict[str, Any], ...]:
    """A list of extra ingress rules: port (or from_port and to_port), protocol, cidr, description."""
    allowed = 'a list of rules such as [{"port": 9000, "protocol": "tcp", "cidr": "203.0.113.0/24"}]'
    rules = []
    for number, item in enumerate(values.json_of(value, list, allowed)):
        try:
            rules.append(_rule(item))
        except ValueError as wrong:
            raise ValueError(f"{allowed}; in rules[{number}] {wrong}") from None
    return tuple(rules)


def _rule(item: Any) -> dict[str, Any]:
    """One rule, or what is wrong with it."""
    if not isinstance(item, dict):
        raise ValueError("there is no map")
    if unknown := sorted(set(item) - set(RULE_KEYS)):
        raise ValueError(f"there is {unknown[0]!r}, which is none of {', '.join(RULE_KEYS)}")
    try:
        first = int(item["port"] if "port" in item else item["from_port"])
        last = first if "port" in item else int(item["to_port"])
    except (KeyError, TypeError, ValueError):
        raise ValueError("port, or from_port and to_port, must be whole numbers") from None
    if not 1 <= first <= last <= 65535:
        raise ValueError("ports must be from 1 to 65535, from_port first")
    protocol = item.get("protocol", "tcp")
    if protocol not in ("tcp", "udp"):
        raise ValueError(f"protocol is {protocol!r}; it must be tcp or udp")
    try:
        cidr = values.cidr(item.get("cidr"))
    except ValueError:
        raise ValueError("cidr must be a network such as 203.0.113.0/24, host bits zero") from None
    description = str(item.get("description", f"port {first}"))
    return {"protocol": protocol, "from_port": first, "to_port": last, "cidr": cidr, "description": description}
