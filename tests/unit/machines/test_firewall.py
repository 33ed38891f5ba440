"""What a firewall says about itself."""

import pytest

from infra.machines.firewall import Firewall, plan
from infra.protocol.firewall import Rule


@pytest.mark.parametrize(
    ("rules", "ports"),
    [
        (plan((80, 8081), ("0.0.0.0/0",), ("198.18.0.0/15",)).rules, {80, 8081}),
        (plan((80,), ("::/0",), ()).rules, {80}),
        (plan((80,), ("203.0.113.0/24",), ()).rules, set()),
        ((Rule("ingress", "tcp", 8000, 8100, "0.0.0.0/0", "a range"),), {8081}),
        ((Rule("ingress", "all", 0, 0, "0.0.0.0/0", "everything"),), {22, 80, 8081}),
        (
            (Rule("ingress", "udp", 80, 80, "0.0.0.0/0", "QUIC"), Rule("egress", "tcp", 80, 80, "0.0.0.0/0", "out")),
            set(),
        ),
    ],
)
def test_a_port_is_open_to_all_only_by_a_tcp_rule_for_everybody(rules: tuple[Rule, ...], ports: set[int]) -> None:
    assert {port for port in (22, 80, 8081) if Firewall(rules).is_open_to_all(port)} == ports
