"""The nftables table as text, what it lets in, and which other firewalls stand in its way."""

from typing import Any

import pytest

from infra.agent.firewall import foreign, parts, table
from infra.agent.proxy.site import Site
from infra.machines import firewall
from infra.protocol.firewall import Rule

OFFICE, ALL = ("203.0.113.0/24", "2001:db8::/32"), ("0.0.0.0/0", "::/0")
RULES = [
    *firewall.plan((80,), ALL, OFFICE, ssh_port=2222).rules,
    Rule("ingress", "udp", 60000, 61000, "198.51.100.0/24", 'mosh "; flush ruleset'),
    Rule("ingress", "icmp", 0, 0, "::/0", ""),
    Rule("ingress", "all", 0, 0, "10.0.0.0/8", "the other servers"),
]
TEXT = """\
# Written by launchpad-agent; changes are overwritten by the next deployment.
table inet launchpad
delete table inet launchpad
table inet launchpad {
  chain input {
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
    ct state established,related accept
    icmp type { echo-request, destination-unreachable, time-exceeded, parameter-problem } accept
    icmpv6 type { echo-request, destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept
    icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept
    icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } accept
    udp sport 67 udp dport 68 accept
    ip6 saddr fe80::/10 udp dport 546 accept
    ip saddr 10.0.0.0/8 accept comment "the other servers"
    meta nfproto ipv6 meta l4proto ipv6-icmp accept
    meta nfproto ipv4 tcp dport 80 accept comment "app on port 80"
    meta nfproto ipv6 tcp dport 80 accept comment "app on port 80"
    ip6 saddr 2001:db8::/32 tcp dport 2222 accept comment "SSH for deployments"
    ip saddr 203.0.113.0/24 tcp dport 2222 accept comment "SSH for deployments"
    ip saddr 198.51.100.0/24 udp dport 60000-61000 accept comment "mosh  flush ruleset"
  }
}
"""


def test_the_table_has_each_rule_once_and_nothing_else_comes_in() -> None:
    assert table.text(RULES) == TEXT
    assert table.text([*reversed(RULES), *RULES]) == TEXT


@pytest.mark.parametrize(
    ("address", "port", "let_in"),
    [
        ("203.0.113.7", 2222, True),
        ("::ffff:203.0.113.7", 2222, True),
        ("2001:db8::1", 2222, True),
        ("203.0.113.7", 22, False),
        ("198.51.100.1", 2222, False),
        ("198.51.100.1", 60000, False),
        ("10.1.2.3", 22, True),
        ("192.0.2.1", 80, True),
        ("fe80::1%eth0", 2222, False),
    ],
)
def test_who_gets_in_is_known_beforehand(address: str, port: int, let_in: bool) -> None:
    assert table.lets_in(RULES, address, port) is let_in


def test_ports_that_nobody_reaches_any_more_are_named() -> None:
    assert table.closed(RULES[:4], [5432, 80, 2222, 9100, 5432]) == [5432, 9100]


def test_an_app_of_a_stack_without_rules_stays_open_to_all() -> None:
    plain, tls = Site("a", 1, 2, http_port=8080), Site("b", 3, 4, http_port=80, domain="b.example.org")
    opened = {(rule.from_port, rule.cidr) for rule in parts.open_to_all([plain, tls])}
    assert opened == {(port, cidr) for port in (80, 443, 8080) for cidr in ALL}


def chain(
    table_name: str, name: str, policy: str = "accept", family: str = "ip", hook: str = "input"
) -> dict[str, Any]:
    base = {"type": "filter", "hook": hook, "prio": 0, "policy": policy}
    return {"chain": {"family": family, "table": table_name, "name": name, **base}}


def rule(table_name: str, name: str, *expressions: dict[str, Any], family: str = "ip") -> dict[str, Any]:
    return {"rule": {"family": family, "table": table_name, "chain": name, "expr": list(expressions)}}


MATCH = {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 80}}


@pytest.mark.parametrize(
    ("objects", "found"),
    [
        ([{"metainfo": {"version": "1.1.3"}}], []),
        ([chain("launchpad", "input", "drop", "inet")], []),
        ([chain("filter", "INPUT", "drop")], ["chain INPUT of table ip filter"]),
        # What Docker leaves: chains that let in everything, and rules for what is forwarded.
        ([chain("filter", "INPUT"), chain("filter", "FORWARD", "drop", hook="forward")], []),
        ([chain("filter", "INPUT"), rule("filter", "INPUT", MATCH, {"drop": None})], ["chain INPUT of table ip filter"]),
        ([chain("filter", "INPUT"), rule("filter", "INPUT", {"jump": {"target": "x"}}), rule("filter", "x", MATCH, {"reject": None})], ["chain INPUT of table ip filter"]),
        # What ufw leaves when it is turned off, and a loop
        ([chain("filter", "INPUT"), rule("filter", "INPUT", {"jump": {"target": "ufw-in"}})], []),
        ([chain("filter", "INPUT"), rule("filter", "INPUT", {"jump": {"target": "x"}}), rule("filter", "x", {"goto": {"target": "x"}})], []),
        # fail2ban, by nftables and by iptables
        ([chain("f2b-table", "f2b-chain"), rule("f2b-table", "f2b-chain", MATCH, {"reject": None})], []),
        ([chain("filter", "INPUT"), rule("filter", "INPUT", MATCH, {"counter": {}}, {"jump": {"target": "f2b-sshd"}})], []),
    ],
)  # fmt: skip
def test_another_firewall_is_one_that_closes_ports(objects: list[dict[str, Any]], found: list[str]) -> None:
    assert foreign.chains(objects) == found
