"""The planner: what an EC2 machine consists of, from data alone."""

from typing import Any

import pytest

from infra.machines import firewall
from infra.machines.ec2 import plan
from infra.machines.ec2.acl import LIMIT, AclEntry, TooManyNetworks, acl_entries, private_entries
from infra.machines.ec2.plan import (
    Ec2Args,
    ExistingNetwork,
    Network,
    Subnet,
    architecture,
    group_rules,
    network,
    partition,
)
from infra.machines.firewall import Firewall
from infra.protocol.firewall import Rule

WEB = firewall.plan((80,), ("0.0.0.0/0", "::/0"), ("203.0.113.7/32",))


def rules(*ingress: tuple[str, int, int, str]) -> Firewall:
    return Firewall(tuple(Rule("ingress", *flow, "x") for flow in ingress))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("instance_type", "expected"),
    [
        ("t3.small", "x86_64"),
        ("t3a.small", "x86_64"),
        ("t4g.small", "arm64"),
        ("a1.large", "arm64"),
        ("m7i-flex.large", "x86_64"),
        ("c7gn.2xlarge", "arm64"),
        ("im4gn.large", "arm64"),
        ("is4gen.medium", "arm64"),
        ("g4dn.xlarge", "x86_64"),
        ("g5g.xlarge", "arm64"),
        ("u7i-12tb.224xlarge", "x86_64"),
        ("u-6tb1.metal", "x86_64"),
        ("x2gd.metal", "arm64"),
        ("r8gd.medium", "arm64"),
    ],
)
def test_architecture_comes_from_the_type(instance_type: str, expected: str) -> None:
    assert architecture(instance_type) == expected


@pytest.mark.parametrize(
    ("region", "expected"),
    [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_partition_comes_from_the_region(region: str, expected: str) -> None:
    assert partition(region) == expected
    made = plan.make(Ec2Args(region, WEB), "p", "s")
    assert made.policy_arn == f"arn:{expected}:iam::aws:policy/AmazonSSMManagedInstanceCore"


def test_own_network_has_two_subnets_in_two_zones() -> None:
    made = plan.make(Ec2Args("eu-central-1", WEB, vpc_cidr="172.20.8.0/21"), "p", "s").network
    assert isinstance(made, Network)
    assert made.subnets == (Subnet("public-1", "172.20.8.0/25", 0), Subnet("public-2", "172.20.8.128/25", 1))


def test_existing_network_is_taken_as_it_is() -> None:
    args = Ec2Args("eu-central-1", WEB, vpc_id="vpc-1", subnet_id="subnet-1")
    assert plan.make(args, "p", "s").network == ExistingNetwork("vpc-1", "subnet-1")


def test_tags_name_the_owner_and_take_further_ones() -> None:
    tags = plan.make(Ec2Args("eu-central-1", WEB, tags={"Team": "web"}), "shop", "prod").tags
    assert tags == {"ManagedBy": "pulumi", "Project": "shop", "Stack": "prod", "Team": "web"}


def test_image_is_debian_by_its_owner_for_the_architecture() -> None:
    made = plan.make(Ec2Args("eu-central-1", WEB, instance_type="t4g.nano"), "p", "s").image
    assert (made.pinned, made.owner, made.name, made.architecture) == ("", "136693071363", "debian-13-arm64-*", "arm64")


def test_each_rule_is_named_by_what_it_allows() -> None:
    assert [(each.name, each.ip_protocol, each.from_port, each.to_port) for each in group_rules(WEB)] == [
        ("out-all-anywhere", "-1", None, None),
        ("out-all-anywhere-ipv6", "-1", None, None),
        ("in-tcp-22-203-0-113-7-32", "tcp", 22, 22),
        ("in-tcp-80-anywhere", "tcp", 80, 80),
        ("in-tcp-80-anywhere-ipv6", "tcp", 80, 80),
    ]


@pytest.mark.parametrize(
    ("rule", "name", "protocol", "ports"),
    [
        (("udp", 6000, 6010, "10.0.0.0/8"), "in-udp-6000-6010-10-0-0-0-8", "udp", (6000, 6010)),
        (("icmp", 0, 0, "0.0.0.0/0"), "in-icmp-anywhere", "icmp", (-1, -1)),
        (("icmp", 0, 0, "2001:db8::/32"), "in-icmp-2001-db8---32", "icmpv6", (-1, -1)),
        (("all", 0, 0, "10.0.0.0/8"), "in-all-10-0-0-0-8", "-1", (None, None)),
    ],
)
def test_rules_of_every_protocol(rule: Any, name: str, protocol: str, ports: tuple[int, int]) -> None:
    (made,) = group_rules(rules(rule))
    assert (made.name, made.ip_protocol, (made.from_port, made.to_port)) == (name, protocol, ports)
    assert (made.cidr_ipv6 if ":" in rule[3] else made.cidr_ipv4) == rule[3]
    assert (made.cidr_ipv4 if ":" in rule[3] else made.cidr_ipv6) is None


def test_a_flow_that_is_asked_for_twice_is_one_rule() -> None:
    twice = Firewall(
        tuple(Rule("ingress", "tcp", 80, 80, "0.0.0.0/0", description) for description in ("app on port 80", "me too"))
    )
    assert [each.description for each in group_rules(twice)] == ["app on port 80"]


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("the app's own calls", "the apps own calls"),
        ("müller & söhne <x>", "mller & shne x"),
        ("x" * 300, "x" * 255),
        ("日本", "no description given"),
    ],
)
def test_descriptions_are_such_that_aws_takes_them(description: str, expected: str) -> None:
    (made,) = group_rules(Firewall((Rule("ingress", "tcp", 80, 80, "0.0.0.0/0", description),)))
    assert made.description == expected


def inbound(firewall: Firewall) -> list[tuple[int, str, int, int, str]]:
    return [
        (each.number, each.protocol, each.from_port, each.to_port, each.cidr)
        for each in acl_entries(firewall)
        if each.direction == "ingress"
    ]


def test_acl_lets_named_networks_through_to_ssh_and_everybody_to_the_rest() -> None:
    everybody = "0.0.0.0/0"
    assert inbound(WEB) == [
        (100, "tcp", 22, 22, "203.0.113.7/32"),
        (1000, "tcp", 0, 21, everybody),
        (1010, "tcp", 23, 3388, everybody),
        (1020, "tcp", 3390, 65535, everybody),
        (1030, "udp", 0, 21, everybody),
        (1040, "udp", 23, 3388, everybody),
        (1050, "udp", 3390, 65535, everybody),
        (1060, "icmp", -1, -1, everybody),
    ]
    assert acl_entries(WEB)[-1] == AclEntry(100, "egress", "-1", 0, 0, everybody)


def test_acl_joins_neighbours_and_leaves_ipv6_out() -> None:
    allowed = rules(("tcp", 22, 22, "10.0.0.0/25"), ("tcp", 20, 30, "10.0.0.128/25"), ("tcp", 22, 22, "2001:db8::/32"))
    assert inbound(allowed)[0] == (100, "tcp", 22, 22, "10.0.0.0/24")
    assert inbound(allowed)[1][2:4] == (0, 21)


def test_acl_opens_rdp_where_the_firewall_does() -> None:
    assert inbound(rules(("udp", 3000, 4000, "10.1.0.0/16")))[0] == (100, "udp", 3389, 3389, "10.1.0.0/16")


def test_acl_has_its_limit() -> None:
    fits = rules(*(("tcp", 22, 22, f"10.{number}.0.0/24") for number in range(LIMIT - 7)))
    assert len(inbound(fits)) == LIMIT
    with pytest.raises(TooManyNetworks, match="name 12 IPv4 networks"):
        acl_entries(rules(*(("tcp", 22, 22, f"10.{number}.0.0/24") for number in range(LIMIT - 6))))


def test_only_the_vpc_itself_reaches_a_private_subnet_and_only_the_databases_port() -> None:
    cidr = "10.64.0.0/16"
    assert private_entries(cidr, 5433) == (
        AclEntry(100, "ingress", "tcp", 5433, 5433, cidr),
        AclEntry(100, "egress", "tcp", 1024, 65535, cidr),
    )
    planned = network(cidr, WEB, private=True)
    assert [(each.suffix, each.cidr, each.zone) for each in planned.private] == [
        ("private-1", "10.64.32.0/20", 0),
        ("private-2", "10.64.48.0/20", 1),
    ]
    assert planned.subnets == network(cidr, WEB).subnets
