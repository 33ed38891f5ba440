"""The planner: what a Lightsail machine consists of, from data alone."""

from typing import Any

import pytest

from infra.machines import firewall
from infra.machines.firewall import Firewall
from infra.machines.lightsail import plan
from infra.machines.lightsail.plan import Inexpressible, LightsailArgs, OpenPort, Plan, open_ports
from infra.protocol.firewall import Rule

WEB = firewall.plan((80,), ("0.0.0.0/0", "::/0"), ("203.0.113.7/32",))
OUT = tuple(Rule("egress", "all", 0, 0, cidr, "out") for cidr in ("0.0.0.0/0", "::/0"))


def rules(*ingress: tuple[str, int, int, str]) -> Firewall:
    return Firewall((*OUT, *(Rule("ingress", *flow, "x") for flow in ingress)))  # type: ignore[arg-type]


def test_a_web_server_is_two_ports_in_the_first_zone() -> None:
    assert plan.make(LightsailArgs("eu-central-1", WEB, tags={"Team": "web"}), "shop", "prod") == Plan(
        zone="eu-central-1a",
        ports=(
            OpenPort("tcp", 22, 22, ("203.0.113.7/32",), ()),
            OpenPort("tcp", 80, 80, ("0.0.0.0/0",), ("::/0",)),
        ),
        ip_address_type="dualstack",
        tags={"ManagedBy": "pulumi", "Project": "shop", "Stack": "prod", "Team": "web"},
    )


def test_without_a_rule_for_ipv6_the_instance_has_no_ipv6_address() -> None:
    only = firewall.plan((80,), ("198.51.100.0/24",), ("203.0.113.7/32",))
    assert plan.make(LightsailArgs("eu-central-1", only), "p", "s").ip_address_type == "ipv4"


def test_a_zone_that_is_named_is_taken() -> None:
    assert plan.make(LightsailArgs("eu-central-1", WEB, zone="eu-central-1c"), "p", "s").zone == "eu-central-1c"


@pytest.mark.parametrize(
    ("flows", "expected"),
    [
        (
            [("tcp", 9000, 9010, "10.0.0.0/8"), ("tcp", 9000, 9010, "192.0.2.0/24"), ("udp", 9000, 9010, "10.0.0.0/8")],
            [
                OpenPort("tcp", 9000, 9010, ("10.0.0.0/8", "192.0.2.0/24"), ()),
                OpenPort("udp", 9000, 9010, ("10.0.0.0/8",), ()),
            ],
        ),
        ([("icmp", 0, 0, "0.0.0.0/0")], [OpenPort("icmp", -1, -1, ("0.0.0.0/0",), ())]),
        ([("icmp", 0, 0, "2001:db8::/32")], [OpenPort("icmpv6", -1, -1, (), ("2001:db8::/32",))]),
    ],
)
def test_one_entry_for_each_range_with_all_of_its_networks(flows: Any, expected: list[OpenPort]) -> None:
    assert list(open_ports(rules(*flows))) == expected
    assert open_ports(rules(*flows)) == open_ports(rules(*reversed(flows)))


def test_no_range_is_without_a_network_because_lightsail_would_open_it_to_everybody() -> None:
    assert all(port.cidrs or port.ipv6_cidrs for port in open_ports(WEB))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            Firewall((Rule("ingress", "tcp", 80, 80, "0.0.0.0/0", "x"), OUT[0])),
            "the firewall restricts outgoing traffic, which Lightsail's cannot do; allow all of it, to 0.0.0.0/0 and ::/0, "
            "or set launchpad:machine to ec2",
        ),
        (
            rules(("all", 0, 0, "10.0.0.0/8")),
            "the firewall opens every port of every protocol to 10.0.0.0/8; for Lightsail name the ports, and tcp or udp",
        ),
        (
            rules(),
            "the firewall opens no port, and Lightsail's needs at least one; name a network in launchpad:ssh_cidrs or "
            "launchpad:web_cidrs",
        ),
    ],
)
def test_what_lightsail_cannot_express_is_refused_by_name(asked: Firewall, said: str) -> None:
    with pytest.raises(Inexpressible) as caught:
        plan.make(LightsailArgs("eu-central-1", asked), "p", "s")
    assert str(caught.value) == said
