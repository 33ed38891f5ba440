"""The nftables table ``inet launchpad`` as text. Pure.

It decides on what comes in to the machine itself. What the machine sends and what it forwards, for containers for
instance, is left alone.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from infra.protocol.firewall import Rule

NAME = "inet launchpad"
NONE = "table inet launchpad\ndelete table inet launchpad\n"
"""The transaction after which there is no such table, whether there was one or not."""
ANYWHERE = ("0.0.0.0/0", "::/0")
ALWAYS = (
    'iifname "lo" accept',
    "ct state established,related accept",
    # Source: RFC 4890, section 4.4 (what must not be dropped), and RFC 1191 (path MTU).
    "icmp type { echo-request, destination-unreachable, time-exceeded, parameter-problem } accept",
    "icmpv6 type { echo-request, destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept",
    "icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept",
    "icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } accept",
    # The answers of DHCP and DHCPv6, which belong to no connection. Sources: RFC 2131, RFC 8415.
    "udp sport 67 udp dport 68 accept",
    "ip6 saddr fe80::/10 udp dport 546 accept",
)
"""What is let in on every machine: itself, answers, and what IPv4 and IPv6 cannot do without."""
LONGEST_COMMENT = 100
"""nftables takes up to 128 bytes."""


def text(rules: Iterable[Rule]) -> str:
    """The transaction that makes the table anew: what no rule lets in is dropped.

    Args:
        rules: Those for incoming traffic count.
    """
    lines = [*ALWAYS, *dict.fromkeys(_line(rule) for rule in sorted(set(rules)) if rule.direction == "ingress")]
    body = "".join(f"    {line}\n" for line in lines)
    return (
        "# Written by launchpad-agent; changes are overwritten by the next deployment.\n"
        f"{NONE}table inet launchpad {{\n"
        "  chain input {\n"
        "    type filter hook input priority filter; policy drop;\n"
        f"{body}  }}\n}}\n"
    )


def lets_in(rules: Iterable[Rule], address: str, port: int) -> bool:
    """Whether one of the rules lets a new TCP connection in.

    Args:
        rules: The rules.
        address: Where it comes from.
        port: The port that it goes to.
    """
    source = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(source, ipaddress.IPv6Address) and source.ipv4_mapped:
        source = source.ipv4_mapped
    return any(_opens(rule, port) and source in ipaddress.ip_network(rule.cidr) for rule in rules)


def closed(rules: Iterable[Rule], ports: Iterable[int]) -> list[int]:
    """Those of these TCP ports that no rule lets anybody reach, in order."""
    known = list(rules)
    return sorted({port for port in ports if not any(_opens(rule, port) for rule in known)})


def _opens(rule: Rule, port: int) -> bool:
    """Whether a rule is about a TCP port."""
    reaches = rule.protocol == "all" or (rule.protocol == "tcp" and rule.from_port <= port <= rule.to_port)
    return rule.direction == "ingress" and reaches


def _line(rule: Rule) -> str:
    family = "ip6" if rule.is_ipv6 else "ip"
    anybody = f"meta nfproto {'ipv6' if rule.is_ipv6 else 'ipv4'}"
    source = anybody if rule.cidr in ANYWHERE else f"{family} saddr {rule.cidr}"
    note = re.sub(r"[^A-Za-z0-9 .,:_/()-]", "", rule.description)[:LONGEST_COMMENT].strip()
    words = [source, *_protocol(rule), "accept", *([f'comment "{note}"'] if note else [])]
    return " ".join(words)


def _protocol(rule: Rule) -> list[str]:
    if rule.protocol == "all":
        return []
    if rule.protocol == "icmp":
        return ["meta l4proto", "ipv6-icmp" if rule.is_ipv6 else "icmp"]
    one = rule.from_port == rule.to_port
    return [rule.protocol, "dport", str(rule.from_port) if one else f"{rule.from_port}-{rule.to_port}"]
