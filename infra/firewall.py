"""The security group as data: default deny, plus rules that each kind of machine enforces in its own way."""

from __future__ import annotations

import ipaddress
from dataclasses import asdict, dataclass
from typing import Any, Literal

Direction = Literal["ingress", "egress"]
Protocol = Literal["tcp", "udp", "icmp", "all"]

ANYWHERE = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True, order=True)
class Rule:
    """One allowed flow: a direction, a protocol, a port range (inclusive; 0-0 where the protocol has none), a CIDR."""

    direction: Direction
    protocol: Protocol
    from_port: int
    to_port: int
    cidr: str
    description: str

    @property
    def is_ipv6(self) -> bool:
        """Whether the CIDR is an IPv6 network."""
        return ipaddress.ip_network(self.cidr).version == 6

    def as_data(self) -> dict[str, Any]:
        """The rule as plain values, for stack outputs and for the machine's driver."""
        return asdict(self)


@dataclass(frozen=True)
class Firewall:
    """Every rule of one machine; what no rule allows is denied."""

    rules: tuple[Rule, ...]

    def as_data(self) -> list[dict[str, Any]]:
        """The rules in a stable order, so that reordering config changes nothing."""
        return [rule.as_data() for rule in sorted(self.rules)]


def plan(
    web_ports: tuple[int, ...],
    web_cidrs: tuple[str, ...],
    ssh_cidrs: tuple[str, ...],
    extra: tuple[dict[str, Any], ...] = (),
) -> Firewall:
    """The rules of a web machine: its public ports, SSH from the given CIDRs only, extra ingress, egress to anywhere.

    An empty ``ssh_cidrs`` leaves SSH closed.
    """
    web = [Rule("ingress", "tcp", port, port, cidr, f"app on port {port}") for port in web_ports for cidr in web_cidrs]
    ssh = [Rule("ingress", "tcp", 22, 22, cidr, "SSH for deployments") for cidr in ssh_cidrs]
    more = [Rule("ingress", **rule) for rule in extra]
    out = [Rule("egress", "all", 0, 0, cidr, "package registries, git, the app's own calls") for cidr in ANYWHERE]
    return Firewall(tuple(dict.fromkeys([*web, *ssh, *more, *out])))
