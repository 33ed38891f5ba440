"""Ports of this computer's loopback for a machine: which, and that nothing else gets in by them."""

import socket

import pytest

from infra.machines.embedded import forwards
from infra.protocol.firewall import Rule

ALL, ALL_6 = "0.0.0.0/0", "::/0"


def rule(port: int, cidr: str = ALL, last: int = 0) -> Rule:
    """A rule for a port, or for those up to another one."""
    return Rule("ingress", "tcp", port, last or port, cidr, "")


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        ([rule(80), rule(80, ALL_6), rule(443), rule(22)], ("80",)),
        ([rule(8080), rule(80), rule(80)], ("80", "8080")),
        ([rule(80, "203.0.113.0/24")], ("80",)),
        ([Rule("egress", "tcp", 80, 80, ALL, ""), Rule("ingress", "udp", 53, 53, ALL, ""), rule(8000, last=9000)], ()),
    ],
)
def test_each_open_port_gets_one(rules: list[Rule], wanted: tuple[str, ...]) -> None:
    assert forwards.wanted(rules) == wanted


def test_a_port_is_the_same_again_unless_another_has_it() -> None:
    first = forwards.choose(5, ())
    assert first >= forwards.FIRST
    assert forwards.choose(5, ()) == first
    assert forwards.choose(5, (first,)) == first + 1
    assert forwards.choose(forwards.LAST - forwards.FIRST + 1, ()) == forwards.choose(0, ())


def test_a_port_on_which_a_program_listens_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not forwards.is_free(port)
    assert forwards.is_free(port)
    if not socket.has_ipv6:
        return
    with socket.create_server(("::1", port), family=socket.AF_INET6):
        assert not forwards.is_free(port)


def test_the_rules_forward_only_this_computers_own_connections() -> None:
    text = forwards.rules("lp00000001", "198.18.0.2", {"80": 28001, "8080": 28002})
    assert text.splitlines() == [
        "table ip launchpad_lp00000001 {",
        "}",
        "delete table ip launchpad_lp00000001",
        "table ip launchpad_lp00000001 {",
        "  chain output {",
        "    type nat hook output priority -100; policy accept;",
        "    ip daddr 127.0.0.1 tcp dport 28001 dnat to 198.18.0.2:80",
        "    ip daddr 127.0.0.1 tcp dport 28002 dnat to 198.18.0.2:8080",
        "  }",
        "  chain postrouting {",
        "    type nat hook postrouting priority srcnat; policy accept;",
        '    ip saddr 127.0.0.0/8 oifname "lp00000001" masquerade',
        "  }",
        "  chain prerouting {",
        "    type filter hook prerouting priority raw; policy accept;",
        '    iifname "lp00000001" ip saddr 127.0.0.0/8 drop',
        '    iifname "lp00000001" ip daddr 127.0.0.0/8 drop',
        "  }",
        "}",
    ]
