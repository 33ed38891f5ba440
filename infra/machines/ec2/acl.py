"""The network ACL of the machine's own VPC: a second, coarse layer of defence behind the security group.

A subnet's default ACL allows all traffic, so one mistake in a security group would open SSH or RDP to the world (FSBP
EC2.21, CKV_AWS_231, CKV_AWS_232). This ACL allows SSH and RDP only for the networks in the firewall. It leaves all
other traffic to the security group, which is stateful and exact, while an ACL is neither. The VPC has no IPv6, so no
entry allows it.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from infra.machines.firewall import Firewall

GUARDED = (22, 3389)
"""SSH and RDP: no entry for 0.0.0.0/0 may include them."""

LIMIT = 18
"""Entries per direction. AWS allows 20 by default; two are taken by the implicit deny-all rules.

Source: https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html (network ACLs, rules per network ACL).
"""


class TooManyNetworks(Exception):
    """The firewall has more networks for guarded ports than an ACL has entries."""


@dataclass(frozen=True)
class AclEntry:
    """One allowed flow. AWS evaluates entries by number and denies what no entry allows."""

    number: int
    direction: str
    protocol: str
    from_port: int
    to_port: int
    cidr: str


Flow = tuple[str, int, int, str]
"""Protocol, first port, last port, network (CIDR)."""


def acl_entries(firewall: Firewall) -> tuple[AclEntry, ...]:
    """Compute the ACL entries for a firewall.

    Raises:
        TooManyNetworks: With the number of networks and the limit.
    """
    guarded, rest = _guarded(firewall), _rest()
    if len(guarded) + len(rest) > LIMIT:
        raise TooManyNetworks(
            f"launchpad:ssh_cidrs and launchpad:rules name {len(guarded)} IPv4 networks for ports 22 and 3389; "
            f"a network ACL has room for {LIMIT - len(rest)}. Merge neighbouring networks into wider ones"
        )
    # separate number ranges: adding or removing a network does not renumber the other entries
    inbound = [*_numbered(100, guarded), *_numbered(1000, rest)]
    return (*inbound, AclEntry(100, "egress", "-1", 0, 0, "0.0.0.0/0"))


def private_entries(cidr: str, port: int) -> tuple[AclEntry, ...]:
    """Compute the ACL entries of subnets that only the VPC itself uses: one port, and the responses of its server.

    Args:
        cidr: The VPC's network.
        port: The server's port.
    """
    return (AclEntry(100, "ingress", "tcp", port, port, cidr), AclEntry(100, "egress", "tcp", 1024, 65535, cidr))


def _numbered(first: int, flows: list[Flow]) -> list[AclEntry]:
    return [AclEntry(first + 10 * place, "ingress", *flow) for place, flow in enumerate(flows)]


def _guarded(firewall: Firewall) -> list[Flow]:
    """The flows that the firewall allows to guarded ports, neighbouring networks merged."""
    flows: list[Flow] = []
    for port in GUARDED:
        for protocol in ("tcp", "udp"):
            allowed = [
                ipaddress.IPv4Network(rule.cidr)
                for rule in firewall.rules
                if rule.direction == "ingress"
                and rule.protocol in (protocol, "all")
                and (rule.protocol == "all" or rule.from_port <= port <= rule.to_port)
                and not rule.is_ipv6
            ]
            flows += [(protocol, port, port, str(network)) for network in ipaddress.collapse_addresses(allowed)]
    return flows


def _rest() -> list[Flow]:
    """All other ports, for 0.0.0.0/0: an ACL is stateless, so responses from the internet count as inbound."""
    edges = [0, *(edge for port in GUARDED for edge in (port - 1, port + 1)), 65535]
    ranges = list(zip(edges[::2], edges[1::2], strict=True))
    flows = [(protocol, first, last, "0.0.0.0/0") for protocol in ("tcp", "udp") for first, last in ranges]
    return [*flows, ("icmp", -1, -1, "0.0.0.0/0")]
