"""The network ACL of the machine's own network: a second, coarse fence behind the security group.

A subnet's default ACL lets everything through, also to the ports that one mistake in a security group would open to
the world (FSBP EC2.21, CKV_AWS_231, CKV_AWS_232). This one lets SSH and RDP through for the networks only that the
firewall names; all else is the security group's business, which is stateful and exact where an ACL is neither. The
network has no IPv6, so no entry allows any.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from infra.firewall import Firewall

GUARDED = (22, 3389)
"""SSH and RDP: no entry for everybody may include them."""

LIMIT = 18
"""Entries in each direction: AWS allows 20 by default and counts its two last words (deny the rest) in."""


class TooManyNetworks(Exception):
    """The firewall names more networks for guarded ports than an ACL has room for."""


@dataclass(frozen=True)
class AclEntry:
    """One allowed flow; entries are looked at by number, and what none allows is denied."""

    number: int
    direction: str
    protocol: str
    from_port: int
    to_port: int
    cidr: str


Flow = tuple[str, int, int, str]
"""Protocol, first and last port, network."""


def acl_entries(firewall: Firewall) -> tuple[AclEntry, ...]:
    """The entries for a firewall. Raises ``TooManyNetworks``."""
    guarded, rest = _guarded(firewall), _rest()
    if len(guarded) + len(rest) > LIMIT:
        raise TooManyNetworks(
            f"launchpad:ssh_cidrs and launchpad:rules name {len(guarded)} IPv4 networks for ports 22 and 3389; "
            f"a network ACL has room for {LIMIT - len(rest)}. Join neighbouring networks into wider ones"
        )
    # numbered apart, so that one network more or less leaves the rest as it is
    inbound = [*_numbered(100, guarded), *_numbered(1000, rest)]
    return (*inbound, AclEntry(100, "egress", "-1", 0, 0, "0.0.0.0/0"))


def _numbered(first: int, flows: list[Flow]) -> list[AclEntry]:
    return [AclEntry(first + 10 * place, "ingress", *flow) for place, flow in enumerate(flows)]


def _guarded(firewall: Firewall) -> list[Flow]:
    """What the firewall allows on guarded ports, neighbouring networks joined."""
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
    """Everything but the guarded ports, for everybody: an ACL sees answers from the internet as inbound, too."""
    edges = [0, *(edge for port in GUARDED for edge in (port - 1, port + 1)), 65535]
    ranges = list(zip(edges[::2], edges[1::2], strict=True))
    flows = [(protocol, first, last, "0.0.0.0/0") for protocol in ("tcp", "udp") for first, last in ranges]
    return [*flows, ("icmp", -1, -1, "0.0.0.0/0")]
