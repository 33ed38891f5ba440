"""What an EC2 machine consists of, as data: pure, so that it can be read, tested and reviewed without AWS."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field

from infra.firewall import Firewall, Rule
from infra.machines.ec2.acl import AclEntry, acl_entries

DEBIAN_OWNER = "136693071363"
"""The AWS account that publishes Debian's official images (wiki.debian.org/Cloud/AmazonEC2Image)."""

DEBIAN_RELEASE = 13

SSM_CORE = "AmazonSSMManagedInstanceCore"
"""The only policy of the machine's role: Session Manager as a way in of last resort, and nothing in the account."""

ZONES = 2
"""Subnets are spread over this many availability zones, so that a load balancer can be put in front later."""

DESCRIPTION = re.compile(r"[^a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]")
"""What AWS refuses in the description of a security group rule; it allows 255 characters."""


@dataclass(frozen=True)
class Ec2Args:
    """What can be asked of an EC2 machine."""

    region: str
    firewall: Firewall
    instance_type: str = "t3.small"
    volume: int = 20
    """GiB of the root disk; it can grow, and not shrink."""

    ami: str = ""
    """The image's id; empty: the newest Debian when the machine is made, held from then on."""

    monitoring: bool = True
    termination_protection: bool = False
    vpc_id: str = ""
    subnet_id: str = ""
    """An existing public subnet of ``vpc_id``; both or neither."""

    vpc_cidr: str = "10.64.0.0/16"
    tags: dict[str, str] = field(default_factory=dict)
    via_ssm: bool = False
    """SSH goes through Session Manager, for its port may be closed."""


@dataclass(frozen=True)
class Subnet:
    """A public subnet; ``zone`` counts the zones that offer the instance type, in alphabetical order."""

    suffix: str
    cidr: str
    zone: int


@dataclass(frozen=True)
class Network:
    """A network of the machine's own, with a way to the internet."""

    cidr: str
    subnets: tuple[Subnet, ...]
    acl: tuple[AclEntry, ...]


@dataclass(frozen=True)
class ExistingNetwork:
    """A network that somebody else keeps; nothing in it is changed."""

    vpc_id: str
    subnet_id: str


@dataclass(frozen=True)
class GroupRule:
    """One rule of the security group; its name comes from what it allows, so that no other rule changes with it."""

    name: str
    direction: str
    ip_protocol: str
    from_port: int | None
    to_port: int | None
    cidr_ipv4: str | None
    cidr_ipv6: str | None
    description: str


@dataclass(frozen=True)
class Image:
    """Where the machine's disk begins: a pinned id, or the newest image that the query finds."""

    pinned: str
    owner: str
    name: str
    architecture: str
    """As ``DescribeImages`` calls it: x86_64 or arm64."""


@dataclass(frozen=True)
class Plan:
    """Everything that the component makes, except what only AWS knows."""

    network: Network | ExistingNetwork
    rules: tuple[GroupRule, ...]
    image: Image
    policy_arn: str
    tags: dict[str, str]


def make(args: Ec2Args, project: str, stack: str) -> Plan:
    """The plan for a machine of a stack. Raises ``acl.TooManyNetworks``."""
    return Plan(
        network=_network(args),
        rules=group_rules(args.firewall),
        image=_image(args),
        policy_arn=f"arn:{partition(args.region)}:iam::aws:policy/{SSM_CORE}",
        tags=owner_tags(project, stack) | args.tags,
    )


def owner_tags(project: str, stack: str) -> dict[str, str]:
    """The tags that say whose a resource is; the preflight finds the stack's own resources by them."""
    return {"ManagedBy": "pulumi", "Project": project, "Stack": stack}


def architecture(instance_type: str) -> str:
    """The processor architecture by the instance type's name: arm64 for Graviton (a1, or a g after the generation)."""
    family = instance_type.partition(".")[0]
    named = re.fullmatch(r"[a-z]+-?[0-9]+(.*)", family)
    return "arm64" if family == "a1" or (named and "g" in named[1]) else "x86_64"


def partition(region: str) -> str:
    """The AWS partition of a region, as ARNs name it."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def group_rules(firewall: Firewall) -> tuple[GroupRule, ...]:
    """One rule each, described; flows that are asked for twice come once, for AWS refuses duplicates."""
    rules: dict[str, GroupRule] = {}
    for rule in sorted(firewall.rules):
        planned = _group_rule(rule)
        rules.setdefault(planned.name, planned)
    return tuple(rules.values())


def _group_rule(rule: Rule) -> GroupRule:
    # AWS takes ICMP's type and code for ports, of which -1 is every one
    ports = {"all": (None, None), "icmp": (-1, -1)}.get(rule.protocol, (rule.from_port, rule.to_port))
    return GroupRule(
        name=_rule_name(rule),
        direction=rule.direction,
        ip_protocol=_protocol(rule),
        from_port=ports[0],
        to_port=ports[1],
        cidr_ipv4=None if rule.is_ipv6 else rule.cidr,
        cidr_ipv6=rule.cidr if rule.is_ipv6 else None,
        description=DESCRIPTION.sub("", rule.description)[:255].strip() or "no description given",
    )


def _rule_name(rule: Rule) -> str:
    anywhere = {"0.0.0.0/0": "anywhere", "::/0": "anywhere-ipv6"}
    place = anywhere.get(rule.cidr, re.sub(r"[.:/]", "-", rule.cidr))
    ports = [] if rule.protocol in ("all", "icmp") else sorted({rule.from_port, rule.to_port})
    return "-".join(["in" if rule.direction == "ingress" else "out", rule.protocol, *map(str, ports), place])


def _protocol(rule: Rule) -> str:
    if rule.protocol == "all":
        return "-1"
    return "icmpv6" if rule.protocol == "icmp" and rule.is_ipv6 else rule.protocol


def _image(args: Ec2Args) -> Image:
    kind = architecture(args.instance_type)
    debian = {"x86_64": "amd64"}.get(kind, kind)
    return Image(args.ami, DEBIAN_OWNER, f"debian-{DEBIAN_RELEASE}-{debian}-*", kind)


def _network(args: Ec2Args) -> Network | ExistingNetwork:
    if args.vpc_id:
        return ExistingNetwork(args.vpc_id, args.subnet_id)
    whole = ipaddress.ip_network(args.vpc_cidr)
    parts = whole.subnets(prefixlen_diff=4)
    subnets = tuple(Subnet(f"public-{zone + 1}", str(next(parts)), zone) for zone in range(ZONES))
    return Network(args.vpc_cidr, subnets, acl_entries(args.firewall))
