"""Firewall rules become exactly this nftables ruleset."""

import pytest

from infra.machines.embedded import rules
from infra.protocol.firewall import Rule


def test_a_ruleset_is_one_transaction_that_denies_what_no_rule_allows() -> None:
    data = [
        Rule("ingress", "tcp", 80, 80, "0.0.0.0/0", "web"),
        Rule("ingress", "tcp", 22, 22, "198.18.0.0/16", "SSH"),
        Rule("ingress", "udp", 4000, 4010, "2001:db8::/32", "calls"),
        Rule("egress", "all", 0, 0, "0.0.0.0/0", "all"),
    ]

    assert rules.ruleset(data, ["10.0.0.53", "2001:db8::53"]) == (
        """\
table inet launchpad {
}
delete table inet launchpad
table inet launchpad {
  chain input {
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
    ct state established,related accept
    ct state invalid drop
    icmp type echo-request accept
    icmpv6 type echo-request accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept
    ip saddr 0.0.0.0/0 tcp dport 80 accept
    ip saddr 198.18.0.0/16 tcp dport 22 accept
    ip6 saddr 2001:db8::/32 udp dport 4000-4010 accept
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
  }
  chain output {
    type filter hook output priority filter; policy drop;
    oifname "lo" accept
    ct state established,related accept
    ct state invalid drop
    ip daddr 10.0.0.53 udp dport 53 accept
    ip daddr 10.0.0.53 tcp dport 53 accept
    ip6 daddr 2001:db8::53 udp dport 53 accept
    ip6 daddr 2001:db8::53 tcp dport 53 accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept
    ip daddr { 169.254.0.0/16, 100.100.100.200, 168.63.129.16, 192.0.0.192 } reject with icmpx admin-prohibited
    ip6 daddr { fd00:ec2::/32, fd20:ce::254 } reject with icmpx admin-prohibited
    ip daddr 0.0.0.0/0 accept
  }
}
"""
    )


@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        (Rule("ingress", "tcp", 443, 443, "10.1.0.0/16", ""), "ip saddr 10.1.0.0/16 tcp dport 443 accept"),
        (Rule("ingress", "tcp", 0, 65535, "::/0", ""), "ip6 saddr ::/0 tcp dport 0-65535 accept"),
        (Rule("ingress", "icmp", 0, 0, "10.0.0.1/32", ""), "ip saddr 10.0.0.1/32 meta l4proto icmp accept"),
        (Rule("ingress", "icmp", 0, 0, "::1/128", ""), "ip6 saddr ::1/128 meta l4proto ipv6-icmp accept"),
        (Rule("egress", "all", 0, 0, "::/0", ""), "ip6 daddr ::/0 accept"),
        (Rule("egress", "udp", 123, 123, "10.0.0.0/8", ""), "ip daddr 10.0.0.0/8 udp dport 123 accept"),
    ],
)
def test_each_kind_of_rule(rule: Rule, statement: str) -> None:
    assert rules.statement(rule) == statement


def test_a_description_never_reaches_the_ruleset() -> None:
    hostile = Rule("ingress", "tcp", 80, 80, "0.0.0.0/0", '" accept; flush ruleset #')

    assert "flush" not in rules.ruleset([hostile], [])


def test_a_name_server_at_a_metadata_address_answers_names_and_nothing_else() -> None:
    everything = Rule("egress", "all", 0, 0, "0.0.0.0/0", "all")
    lines = [line.strip() for line in rules.ruleset([everything], ["169.254.169.254"]).splitlines()]
    closed = next(number for number, line in enumerate(lines) if "169.254.0.0/16" in line and "reject" in line)

    assert lines.index("ip daddr 169.254.169.254 udp dport 53 accept") < closed
    assert lines.index("ip daddr 169.254.169.254 tcp dport 53 accept") < closed
    assert closed < lines.index("ip daddr 0.0.0.0/0 accept")
