"""The firewall of an embedded machine: converts firewall rules to an nftables ruleset."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from infra.protocol.firewall import Rule

CHAINS = {"ingress": "input", "egress": "output"}
PEERS = {"ingress": "saddr", "egress": "daddr"}

METADATA = ("169.254.0.0/16", "100.100.100.200", "168.63.129.16", "192.0.0.192")
METADATA_6 = ("fd00:ec2::/32", "fd20:ce::254")
"""Metadata services, from which clouds serve credentials: a machine must not get those of the computer it runs on."""


def ruleset(rules: Iterable[Rule], resolvers: Sequence[str]) -> str:
    """Render the ruleset of a machine as one nftables transaction, which replaces the previous one.

    Traffic that no rule allows is dropped, in both directions. As with EC2 security groups, replies to allowed traffic
    pass, and so do queries to the machine's own name servers. Unlike on EC2, the machine always answers ping. Whatever
    the rules are, the machine cannot connect to the metadata service of the computer that it runs on: such connections
    are rejected immediately.

    Args:
        rules: The firewall's rules.
        resolvers: The addresses of the machine's name servers.
    """
    rules = list(rules)
    ingress = [statement(rule) for rule in rules if rule.direction == "ingress"]
    egress = [statement(rule) for rule in rules if rule.direction == "egress"]
    dns = [
        f"{family(server)} daddr {server} {proto} dport 53 accept" for server in resolvers for proto in ("udp", "tcp")
    ]
    return "\n".join(
        [
            # declared first, so that the delete never fails; everything is one transaction
            "table inet launchpad {",
            "}",
            "delete table inet launchpad",
            "table inet launchpad {",
            *chain("input", 'iifname "lo" accept', [*ALWAYS_IN, *ingress]),
            *chain("forward", None, []),
            *chain("output", 'oifname "lo" accept', [*dns, *ALWAYS_OUT, *CLOSED, *egress]),
            "}",
            "",
        ]
    )


# IPv6 uses ICMPv6 to find neighbours, as IPv4 uses ARP: without these statements no IPv6 rule would work
NEIGHBOURS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept"
ALWAYS_IN = ["icmp type echo-request accept", "icmpv6 type echo-request accept", NEIGHBOURS]
ALWAYS_OUT = ["icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept"]
CLOSED = [
    f"{family} daddr {{ {', '.join(addresses)} }} reject with icmpx admin-prohibited"
    for family, addresses in (("ip", METADATA), ("ip6", METADATA_6))
]


def chain(hook: str, loopback: str | None, statements: Sequence[str]) -> list[str]:
    """The lines of a base chain that drops what it does not accept."""
    first = [loopback] if loopback else []
    tracked = ["ct state established,related accept", "ct state invalid drop"] if statements else []
    return [
        f"  chain {hook} {{",
        f"    type filter hook {hook} priority filter; policy drop;",
        *(f"    {line}" for line in [*first, *tracked, *statements]),
        "  }",
    ]


def statement(rule: Rule) -> str:
    """One rule as an nftables statement, such as ``ip saddr 10.0.0.0/8 tcp dport 22 accept``."""
    network = ipaddress.ip_network(rule.cidr)
    peer = f"{family(rule.cidr)} {PEERS[rule.direction]} {network}"
    if rule.protocol == "all":
        return f"{peer} accept"
    if rule.protocol == "icmp":
        return f"{peer} meta l4proto {'ipv6-icmp' if network.version == 6 else 'icmp'} accept"
    first, last = rule.from_port, rule.to_port
    ports = str(first) if first == last else f"{first}-{last}"
    return f"{peer} {rule.protocol} dport {ports} accept"


def family(address: str) -> str:
    """The nftables name of an address's or network's family."""
    return "ip6" if ipaddress.ip_network(address).version == 6 else "ip"
