"""The database server of a stack on EC2: an RDS instance in private subnets, which the machine alone reaches.

Nobody here knows its password: RDS makes it, keeps it in Secrets Manager and changes it every week. The machine's role
may read that secret, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import cloudwatch, ec2, iam, rds, vpc

from infra.machines.aws.data_disk import TAG
from infra.machines.aws.scope import Scope
from infra.machines.ec2.plan import RDS_PORT, Ec2Args, RdsArgs
from infra.protocol.database import Server

ENGINE, MAJOR = "postgres", "17"
"""The version that a new server gets: Debian 13 has the programs for it. One that is there keeps its own."""
MASTER = "launchpad"
"""The master user, which the agent logs in as; not the name that an attacker would try first."""
BACKUP_DAYS = 7
LOGS = ("postgresql", "upgrade")
LOG_DAYS = 30
HELD = ("engineVersion", "snapshotIdentifier", "username")
"""What a server keeps, whatever the program says: another value would replace it by an empty one, or upgrade it."""
TIMES = pulumi.CustomTimeouts(create="60m", update="80m", delete="60m")


@dataclass(frozen=True)
class Network:
    """Where the server is: a VPC, subnets of it in at least two zones, and the group of who may reach it."""

    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    machine: ec2.SecurityGroup


def make(scope: Scope, args: Ec2Args, wanted: RdsArgs, network: Network, role: iam.Role) -> pulumi.Output[Server]:
    """Create the server.

    Args:
        scope: Names and options.
        args: The planned machine.
        wanted: The planned server.
        network: Where it is.
        role: The machine's role.

    Returns:
        What the machine has to know, once it may read the password.
    """
    instance = _instance(scope, args, wanted, network)
    secret = instance.master_user_secrets.apply(_secret)
    allowed = iam.RolePolicy(
        scope.name("rds-secret"), role=role.name, policy=secret.apply(may_read), opts=scope.options()
    )
    return pulumi.Output.all(instance.address, instance.port, secret, instance.allocated_storage, allowed.id).apply(
        lambda values: _server(args.region, values)
    )


def may_read(secret: str) -> str:
    """The policy that lets the machine read one secret."""
    statement = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _secret(secrets: Sequence[Any] | None) -> str:
    if not secrets:
        raise pulumi.RunError(
            "RDS tells of no secret with the password of its master user: pulumi refresh, then up again"
        )
    return str(secrets[0].secret_arn)


def _server(region: str, values: list[Any]) -> Server:
    host, port, secret, storage, *_ = values
    return Server(str(host), int(port), region, str(secret), int(storage))


def _instance(scope: Scope, args: Ec2Args, wanted: RdsArgs, network: Network) -> rds.Instance:
    subnets = rds.SubnetGroup(
        scope.name("database"),
        description="Private subnets of the app's database",
        subnet_ids=list(network.subnet_ids),
        tags=scope.name_tag("database"),
        opts=scope.options(),
    )
    parameters = rds.ParameterGroup(
        scope.name("rds-parameters"),
        description="Settings of the app's database",
        family=f"{ENGINE}{MAJOR}",
        parameters=[
            # Nobody connects without TLS.
            rds.ParameterGroupParameterArgs(name="rds.force_ssl", value="1"),
        ],
        tags=scope.name_tag("database"),
        opts=scope.options(ignore_changes=["family"]),
    )
    # Its name is new for each server, so that the last snapshot of one does not stand in the way of the next one's.
    identifier = subnets.name
    logs = [
        cloudwatch.LogGroup(
            scope.name(f"rds-log-{name}"),
            name=identifier.apply(lambda value, name=name: f"/aws/rds/instance/{value}/{name}"),
            retention_in_days=LOG_DAYS,
            opts=scope.options(),
        )
        for name in LOGS
    ]
    deleted = args.on_destroy in ("delete", "snapshot")
    return rds.Instance(
        scope.name("rds"),
        identifier=identifier,
        engine=ENGINE,
        engine_version=None if wanted.snapshot else MAJOR,
        snapshot_identifier=wanted.snapshot or None,
        instance_class=wanted.instance_class,
        allocated_storage=wanted.storage,
        storage_type="gp3",
        storage_encrypted=True,
        multi_az=wanted.multi_az,
        username=None if wanted.snapshot else MASTER,
        manage_master_user_password=True,
        iam_database_authentication_enabled=True,
        port=RDS_PORT,
        publicly_accessible=False,
        db_subnet_group_name=subnets.name,
        vpc_security_group_ids=[_group(scope, network).id],
        parameter_group_name=parameters.name,
        backup_retention_period=BACKUP_DAYS,
        copy_tags_to_snapshot=True,
        auto_minor_version_upgrade=True,
        allow_major_version_upgrade=False,
        enabled_cloudwatch_logs_exports=list(LOGS),
        deletion_protection=not deleted,
        skip_final_snapshot=args.on_destroy == "delete",
        final_snapshot_identifier=identifier.apply(lambda value: f"{value}-last"),
        delete_automated_backups=True,
        # A change counts when its `pulumi up` is done, and not in some night that follows.
        apply_immediately=True,
        tags=scope.name_tag("database") | {TAG: f"database of {scope.prefix}"},
        opts=scope.options(ignore_changes=list(HELD), depends_on=logs, custom_timeouts=TIMES),
    )


def _group(scope: Scope, network: Network) -> ec2.SecurityGroup:
    """The server's firewall: the machine, and nobody else; and the machine's own way to it."""
    group = ec2.SecurityGroup(
        scope.name("rds-group"),
        description="Firewall of the app's database",
        vpc_id=network.vpc_id,
        revoke_rules_on_delete=True,
        tags=scope.name_tag("database"),
        opts=scope.options(),
    )
    for make_rule, name, of, other, description in (
        (vpc.SecurityGroupIngressRule, "rds-in", group, network.machine, "PostgreSQL from the app's machine"),
        (vpc.SecurityGroupEgressRule, "rds-out", network.machine, group, "PostgreSQL of the app's database"),
    ):
        make_rule(
            scope.name(name),
            security_group_id=of.id,
            referenced_security_group_id=other.id,
            ip_protocol="tcp",
            from_port=RDS_PORT,
            to_port=RDS_PORT,
            description=description,
            opts=scope.options(),
        )
    return group
