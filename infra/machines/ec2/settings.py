"""The config keys of an EC2 machine, and their checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from infra.config import readers
from infra.config.key import NAMESPACE, Keys, key
from infra.config.settings import Settings
from infra.machines.aws import settings as aws
from infra.protocol import values
from infra.protocol.database import RDS

SUBNETS = 'a list of ids of subnets, such as ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]'


@dataclass(frozen=True, kw_only=True)
class Ec2Keys(Keys):
    """An EC2 instance with an Elastic IP address and, unless you name an existing one, a VPC of its own."""

    region: str = aws.region(also=("aws_region", "zone", "location"))
    instance_type: str = key(
        readers.pattern(r"[a-z][a-z0-9-]*\.[a-z0-9-]+", "an EC2 instance type such as t3.small or t4g.small"),
        default="t3.small",
        description="""EC2 instance type; its name determines the architecture (t4g.small is arm64). Changing it
            stops and restarts the machine; changing the architecture replaces the machine.""",
        also=("type", "size", "instance"),
    )
    disk: int = key(
        readers.gigabytes(8, 16384),
        default="20G",
        description="""Size of the root disk (encrypted gp3), 8G to 16384G. It grows in place; the file system follows
            at the next boot.""",
        also=("volume", "storage", "root_volume"),
    )
    data_disk: int = key(
        aws.disk_size(1, 16384),
        default="10G",
        description="""Size of the disk for data (encrypted gp3), which outlives the machine, 1G to 16384G; 0: none, and
            the data is lost with the machine. It grows in place, cannot shrink and stays in its zone.""",
        also=("data_volume", "ebs"),
    )
    snapshots: int = key(
        readers.whole_number(0, 365),
        default="0",
        description="""How many daily snapshots of the data disk AWS keeps (Data Lifecycle Manager, at 03:00 UTC); 0:
            none are made. They are where the disk is, and no substitute for backups; and they outlive it: nobody
            removes the last ones when the stack is destroyed.""",
        also=("snapshot_count", "ebs_snapshots"),
    )
    ami: str = key(
        readers.pattern(r"ami-[0-9a-f]{8,17}", "the id of an image such as ami-0123456789abcdef0", empty=True),
        description="""Image (AMI). Empty: the newest Debian 13 at the time the machine is created, kept from then on.
            Changing it replaces the machine with one created from that image; this is how to upgrade.""",
        example="ami-0123456789abcdef0",
        also=("image", "image_id"),
    )
    monitoring: bool = key(
        readers.flag,
        default="true",
        description="Whether to use EC2 detailed monitoring (metrics every minute instead of every five).",
    )
    termination_protection: bool = key(
        readers.flag,
        default="false",
        description="true makes AWS refuse to terminate the machine; set it to false before pulumi destroy.",
        also=("protect", "disable_api_termination"),
    )
    vpc_id: str = key(
        readers.pattern(r"vpc-[0-9a-f]{8,17}", "the id of a VPC such as vpc-0123456789abcdef0", empty=True),
        description="Existing VPC; requires subnet_id. Empty: a new VPC is created.",
        example="vpc-0123456789abcdef0",
        also=("vpc",),
    )
    subnet_id: str = key(
        readers.pattern(r"subnet-[0-9a-f]{8,17}", "the id of a subnet such as subnet-0123456789abcdef0", empty=True),
        description="Existing public subnet of vpc_id, with a route to an internet gateway.",
        example="subnet-0123456789abcdef0",
        also=("subnet",),
    )
    vpc_cidr: str = key(
        readers.network,
        default="10.64.0.0/16",
        description="""CIDR block of the new VPC, private, from /16 to /24. Two subnets, a sixteenth of it each, are
            created in it.""",
        also=("cidr", "network"),
    )
    tags: dict[str, str] = key(
        readers.tags,
        default="{}",
        description="Additional tags for all AWS resources, besides Project, Stack and ManagedBy.",
        example='{"CostCenter": "42"}',
        also=("labels",),
    )
    rds_class: str = key(
        readers.pattern(r"db\.[a-z][a-z0-9-]*\.[a-z0-9-]+", "an RDS instance class such as db.t4g.micro"),
        default="db.t4g.micro",
        description="""Size of the database server that `database: rds` brings. Changing it restarts the server, some
            minutes without the database.""",
        also=("db_class", "database_class", "db_instance_class"),
    )
    rds_storage: int = key(
        readers.gigabytes(20, 65536),
        default="20G",
        description="""Size of the database server's disk (encrypted gp3), 20G to 65536G. It grows in place and cannot
            shrink.""",
        also=("db_storage", "database_storage", "allocated_storage"),
    )
    rds_multi_az: bool = key(
        readers.flag,
        default="false",
        description="""true has AWS keep a second database server ready in another zone, at twice the price. The machine
            itself is in one zone, so that this helps against a failed server, and not against a failed zone.""",
        also=("multi_az", "db_multi_az"),
    )
    rds_subnets: tuple[str, ...] = key(
        readers.listed(values.words(r"subnet-[0-9a-f]{8,17}", SUBNETS)),
        default="[]",
        description="""Existing private subnets of vpc_id for the database server, in two zones or more. Empty: two are
            created in the new VPC.""",
        example='["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]',
        also=("db_subnets", "database_subnets"),
    )
    rds_snapshot: str = key(
        readers.pattern(
            r"[A-Za-z][A-Za-z0-9:/_-]{0,254}|arn:[A-Za-z0-9:/_-]+", "the name or ARN of a snapshot", empty=True
        ),
        description="""The snapshot that the database server is made from. It counts when the server is made; on one
            that is there it changes nothing.""",
        example="machine-database-1a2b3c4-last",
        also=("db_snapshot", "snapshot_identifier"),
    )
    ssh_via: Literal["direct", "ssm"] = key(
        readers.choice("direct", "ssm"),
        default="direct",
        description="""How deployments connect to SSH. direct: to port 22, open to ssh_cidrs. ssm: through AWS Session
            Manager, without an open port (ssh_cidrs may be empty); requires the AWS CLI and its
            session-manager-plugin on this computer.""",
        also=("ssm", "session_manager"),
    )
    preflight: bool = key(
        readers.flag,
        default="true",
        description="""false skips the checks against AWS that each preview starts with: credentials, region, instance
            type, quotas.""",
    )


DEFAULTS = Ec2Keys()
"""The default value of every key."""


def snapshots_of_a_disk(settings: Settings) -> Iterator[str]:
    """ec2.snapshots is 0 where ec2.data_disk is."""
    keys = settings.of(Ec2Keys)
    if keys.snapshots and not keys.data_disk:
        yield (
            f"{NAMESPACE}:ec2.snapshots is {keys.snapshots} but {NAMESPACE}:ec2.data_disk is 0; "
            "set one of them otherwise"
        )


def wants_rds(settings: Settings) -> bool:
    """Whether an app of the stack has its database on RDS."""
    return any(app.database == RDS for app in settings.each_app)


def rds_placed(settings: Settings) -> Iterator[str]:
    """With database rds, ec2.rds_subnets are set together with ec2.vpc_id, and ec2.region is one of AWS's own."""
    keys = settings.of(Ec2Keys)
    if not wants_rds(settings):
        return
    if keys.vpc_id and len(set(keys.rds_subnets)) < 2:
        yield (
            f"{NAMESPACE}:database is rds, and {NAMESPACE}:ec2.vpc_id names a VPC of yours; "
            f"{NAMESPACE}:ec2.rds_subnets must name two or more private subnets of it, in different zones"
        )
    if keys.rds_subnets and not keys.vpc_id:
        yield f"{NAMESPACE}:ec2.rds_subnets is set but {NAMESPACE}:ec2.vpc_id is empty; set the VPC that they are in"
    if keys.region.startswith(("cn-", "us-gov-")):
        yield (
            f"{NAMESPACE}:database is rds, which Launchpad cannot use in {keys.region}: AWS's other partitions have "
            "other addresses for certificates and secrets. Use postgres there"
        )


def rds_not_kept(settings: Settings) -> Iterator[str]:
    """With database rds, on_destroy is not keep: the server cannot outlive the network that it is in."""
    if wants_rds(settings) and settings.on_destroy == "keep":
        yield (
            f"{NAMESPACE}:on_destroy is keep, which {NAMESPACE}:database rds cannot do: the server cannot outlive the "
            "stack's network. It must be empty, delete or snapshot"
        )


def rds_secret_closed(settings: Settings) -> Iterator[str]:
    """With database rds, no app of the stack has metadata_access: it could read the password of every database."""
    for app in settings.each_app if wants_rds(settings) else ():
        if app.metadata_access:
            yield (
                f"{NAMESPACE}:metadata_access is true, and {NAMESPACE}:database is rds: the metadata service would "
                f"give {app.app} the machine's role, and with that the password of the database server. Use one of them"
            )


def region_given(settings: Settings) -> Iterator[str]:
    """ec2.region is set."""
    if not settings.of(Ec2Keys).region:
        yield aws.region_missing("ec2")


def ssh_reachable(settings: Settings) -> Iterator[str]:
    """ssh_cidrs is not empty, unless ec2.ssh_via is ssm."""
    if settings.of(Ec2Keys).ssh_via == "direct" and not settings.ssh_cidrs:
        yield (
            f"{NAMESPACE}:ssh_cidrs is empty, so no deployment could reach the machine; it must hold your own network, "
            f'such as ["203.0.113.7/32"], or {NAMESPACE}:ec2.ssh_via must be ssm'
        )


def network_whole(settings: Settings) -> Iterator[str]:
    """ec2.vpc_id and ec2.subnet_id are set together."""
    if bool(settings.of(Ec2Keys).vpc_id) != bool(settings.of(Ec2Keys).subnet_id):
        yield f"{NAMESPACE}:ec2.vpc_id and {NAMESPACE}:ec2.subnet_id must be set together; one of them is empty"
