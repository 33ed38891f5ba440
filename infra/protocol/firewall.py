"""A rule of a machine's firewall, as in stack outputs and in messages to the embedded machine's driver."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Literal, TypedDict

from infra.protocol import values
from infra.protocol.codec import Message, value
from infra.protocol.refusal import Refusal

Direction = Literal["ingress", "egress"]
Protocol = Literal["tcp", "udp", "icmp", "all"]


class RuleData(TypedDict):
    """A rule as plain values, as in stack outputs and in messages to the embedded machine's driver."""

    direction: Direction
    protocol: Protocol
    from_port: int
    to_port: int
    cidr: str
    description: str


def network(value: object) -> str:
    """A network in CIDR notation, host bits zero."""
    try:
        return str(ipaddress.ip_network(values.text(value)))
    except ValueError:
        raise Refusal("a network in CIDR notation with host bits zero, such as 203.0.113.0/24") from None


@dataclass(frozen=True, order=True)
class Rule(Message):
    """An allowed flow: direction, protocol, port range (inclusive; 0-0 if the protocol has no ports) and network."""

    direction: Direction = value(values.choice("ingress", "egress"))
    protocol: Protocol = value(values.choice("tcp", "udp", "icmp", "all"))
    from_port: int = value(values.whole(0, 65535))
    to_port: int = value(values.whole(0, 65535))
    cidr: str = value(network)
    description: str = value(values.text)

    @property
    def is_ipv6(self) -> bool:
        """Whether the CIDR is an IPv6 network."""
        return ipaddress.ip_network(self.cidr).version == 6

    def as_data(self) -> RuleData:
        """The rule as plain values."""
        return RuleData(
            direction=self.direction,
            protocol=self.protocol,
            from_port=self.from_port,
            to_port=self.to_port,
            cidr=self.cidr,
            description=self.description,
        )
