"""The resources of an EC2 machine as data: pure, so that it can be read, tested and reviewed without AWS."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infra.machines.aws.data_disk import DataDisk
from infra.machines.aws.owner import owner_tags
from infra.machines.ec2 import acl
from infra.machines.ec2.acl import AclEntry, acl_entries
from infra.machines.ec2.settings import DEFAULTS
from infra.machines.firewall import Firewall
from infra.protocol.firewall import Rule
from infra.protocol.on_destroy import OnDestroy

if TYPE_CHECKING:  # pure otherwise
    import pulumi

DEBIAN_OWNER = "136693071363"
"""The AWS account that publishes Debian's official images (wiki.debian.org/Cloud/AmazonEC2Image)."""

DEBIAN_RELEASE = 13

SSM_CORE = "AmazonSSMManagedInstanceCore"
"""The only policy of the machine's role: access through Session Manager, and no other permission."""

ZONES = 2
"""Number of availability zones with a subnet; a load balancer, which you can add later, needs two."""

DESCRIPTION = re.compile(r"[^a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]")
"""Characters that AWS rejects in the description of a security group rule, which may have 255 characters."""


RDS_PORT = 5433
"""The port of the database server; not PostgreSQL's usual one, which a scanner tries first (FSBP RDS.23)."""


@dataclass(frozen=True)
class RdsArgs:
    """The arguments of the machine's database server."""

    instance_class: str = DEFAULTS.rds_class
    storage: int = DEFAULTS.rds_storage
    """Size of its disk in GiB; it can grow but not shrink."""

    multi_az: bool = DEFAULTS.rds_multi_az
    subnet_ids: tuple[str, ...] = ()
    """Existing private subnets of an existing VPC, in at least two zones."""

    snapshot: str = ""
    """The snapshot that a new server is made from."""


@dataclass(frozen=True)
class Ec2Args:
    """The arguments of an EC2 machine.

    The image, the disk and an existing network may be outputs of other resources. The other arguments must be known
    while planning.
    """

    region: str
    firewall: Firewall
    instance_type: str = DEFAULTS.instance_type
    disk: pulumi.Input[int] = DEFAULTS.disk
    """Size of the root disk in GiB; it can grow but not shrink."""

    data_disk: int = DEFAULTS.data_disk
    """Size of the data disk in GiB, which outlives the machine; it can grow but not shrink. 0: none."""

    data_disk_found: DataDisk | None = None
    """The stack's data disk that is there already (``volumes.find``); one that is not attached is taken over."""

    snapshots: int = DEFAULTS.snapshots
    """How many daily snapshots of the data disk are kept; 0: none are made."""

    ami: pulumi.Input[str] = ""
    """The image's id; empty: the newest Debian when the machine is created, kept from then on."""

    monitoring: pulumi.Input[bool] = DEFAULTS.monitoring
    termination_protection: pulumi.Input[bool] = DEFAULTS.termination_protection
    vpc_id: pulumi.Input[str] = ""
    subnet_id: pulumi.Input[str] = ""
    """An existing public subnet of ``vpc_id``; both or neither."""

    vpc_cidr: str = DEFAULTS.vpc_cidr
    tags: dict[str, str] = field(default_factory=dict)
    on_destroy: OnDestroy = ""
    """What becomes of the data when the machine is destroyed; empty: it is deleted."""

    via_ssm: bool = False
    """Whether SSH goes through Session Manager, which needs no open port."""

    rds: RdsArgs | None = None
    """The database server on RDS; None: there is none."""


@dataclass(frozen=True)
class Subnet:
    """A subnet; ``zone`` is an index into the sorted zones that offer the instance type."""

    suffix: str
    cidr: str
    zone: int


@dataclass(frozen=True)
class Network:
    """A new VPC with access to the internet."""

    cidr: str
    subnets: tuple[Subnet, ...]
    acl: tuple[AclEntry, ...]
    private: tuple[Subnet, ...] = ()
    """Subnets that the internet neither reaches nor is reached from."""

    private_acl: tuple[AclEntry, ...] = ()


@dataclass(frozen=True)
class ExistingNetwork:
    """A VPC managed elsewhere; Launchpad changes nothing in it."""

    vpc_id: pulumi.Input[str]
    subnet_id: pulumi.Input[str]


@dataclass(frozen=True)
class GroupRule:
    """One rule of the security group. Its name is derived from its contents, so that no other rule changes with it."""

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
    """The image of the machine's disk: a pinned id, or the newest image that matches the query."""

    pinned: pulumi.Input[str]
    owner: str
    name: str
    architecture: str
    """As ``DescribeImages`` calls it: x86_64 or arm64."""


@dataclass(frozen=True)
class Plan:
    """Everything that the component creates, except for values that only AWS knows."""

    network: Network | ExistingNetwork
    rules: tuple[GroupRule, ...]
    image: Image
    policy_arn: str
    tags: dict[str, str]


def make(args: Ec2Args, project: str, stack: str) -> Plan:
    """Plan a machine of a stack.

    Raises:
        TooManyNetworks: The network ACL has no room for the firewall's networks.
    """
    return Plan(
        network=_network(args),
        rules=group_rules(args.firewall),
        image=_image(args),
        policy_arn=f"arn:{partition(args.region)}:iam::aws:policy/{SSM_CORE}",
        tags=owner_tags(project, stack) | args.tags,
    )


def architecture(instance_type: str) -> str:
    """The processor architecture, derived from the type's name: arm64 for Graviton (a1, or g after the generation)."""
    family = instance_type.partition(".")[0]
    match = re.fullmatch(r"[a-z]+-?[0-9]+(.*)", family)
    return "arm64" if family == "a1" or (match and "g" in match[1]) else "x86_64"


def partition(region: str) -> str:
    """The AWS partition of a region, as it appears in ARNs."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def group_rules(firewall: Firewall) -> tuple[GroupRule, ...]:
    """The rules of the security group, without duplicates, which AWS would reject."""
    rules: dict[str, GroupRule] = {}
    for rule in sorted(firewall.rules):
        planned = _group_rule(rule)
        rules.setdefault(planned.name, planned)
    return tuple(rules.values())


def _group_rule(rule: Rule) -> GroupRule:
    # for ICMP, AWS stores type and code in place of the ports; -1 means all
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
    source = anywhere.get(rule.cidr, re.sub(r"[.:/]", "-", rule.cidr))
    ports = [] if rule.protocol in ("all", "icmp") else sorted({rule.from_port, rule.to_port})
    return "-".join(["in" if rule.direction == "ingress" else "out", rule.protocol, *map(str, ports), source])


def _protocol(rule: Rule) -> str:
    if rule.protocol == "all":
        return "-1"
    return "icmpv6" if rule.protocol == "icmp" and rule.is_ipv6 else rule.protocol


def _image(args: Ec2Args) -> Image:
    arch = architecture(args.instance_type)
    debian_arch = {"x86_64": "amd64"}.get(arch, arch)
    return Image(args.ami, DEBIAN_OWNER, f"debian-{DEBIAN_RELEASE}-{debian_arch}-*", arch)


def _network(args: Ec2Args) -> Network | ExistingNetwork:
    if args.vpc_id:
        return ExistingNetwork(args.vpc_id, args.subnet_id)
    return network(args.vpc_cidr, args.firewall, private=args.rds is not None)


def network(cidr: str, firewall: Firewall, *, private: bool = False) -> Network:
    """Plan a VPC for machines with this firewall.

    Args:
        cidr: Its network.
        firewall: The firewall.
        private: Whether it has private subnets, for a database server.

    Raises:
        TooManyNetworks: The network ACL has no room for the firewall's networks.
    """
    parts = ipaddress.ip_network(cidr).subnets(prefixlen_diff=4)
    subnets = tuple(Subnet(f"public-{zone + 1}", str(next(parts)), zone) for zone in range(ZONES))
    if not private:
        return Network(cidr, subnets, acl_entries(firewall))
    closed = tuple(Subnet(f"private-{zone + 1}", str(next(parts)), zone) for zone in range(ZONES))
    return Network(cidr, subnets, acl_entries(firewall), closed, acl.private_entries(cidr, RDS_PORT))
