"""A rule of a machine's firewall, as in stack outputs and in messages to the embedded machine's driver."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, TypedDict

from infra.protocol import quantities, values
from infra.protocol.codec import Message, each, value
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


LONGEST_TRIAL = 60.0
"""Seconds after which a server takes new rules back that nobody has confirmed, at most."""


@dataclass(frozen=True)
class FirewallSpec(Message):
    """What a stack wants of the firewall of a server that somebody had already.

    Attributes:
        owner: The stack, such as launchpad/dev.
        rules: Its rules; what no rule of any stack allows is dropped. Those for outgoing traffic change nothing.
        trial: Seconds after which the rules are taken back unless they are confirmed.
        lock_timeout: Seconds to wait for deployments on the machine.
    """

    TITLE: ClassVar[str] = "The firewall specification"

    owner: str = value(values.owner)
    rules: tuple[Rule, ...] = value(each(Rule))
    trial: float = value(quantities.seconds(1, LONGEST_TRIAL), LONGEST_TRIAL)
    lock_timeout: float = value(quantities.seconds(0, 86400), 300)

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """No owner."""
        if not self.owner:
            yield "owner", "is empty; name the stack, such as launchpad/dev"
