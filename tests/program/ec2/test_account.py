"""What the program asks of RDS, given to moto's imitation of it: names and types are those that AWS's API has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from infra.machines import firewall
from infra.machines.aws import session
from infra.machines.aws.owner import owner_tags
from infra.machines.ec2 import rds_preflight
from infra.machines.ec2.plan import Ec2Args, RdsArgs
from tests.program.ec2.recorder import BASE, record
from tests.program.registrations import one

REGION = "eu-central-1"
OWNER = owner_tags("launchpad", "ec2")
ARGS = Ec2Args(REGION, firewall.plan((80,), ("0.0.0.0/0",), ("203.0.113.7/32",)), rds=RdsArgs())
NAMES = {
    "identifier": "DBInstanceIdentifier",
    "instanceClass": "DBInstanceClass",
    "multiAz": "MultiAZ",
    "username": "MasterUsername",
    "iamDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication",
    "dbSubnetGroupName": "DBSubnetGroupName",
    "parameterGroupName": "DBParameterGroupName",
    "enabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
}
"""What the API calls an argument of pulumi-aws, where that is another word."""
LATER = {
    *("applyImmediately", "allowMajorVersionUpgrade", "deleteAutomatedBackups", "finalSnapshotIdentifier"),
    *("skipFinalSnapshot", "tags"),
}
"""Arguments that pulumi-aws uses when it changes or deletes the server, and not when it makes it."""


@pytest.fixture(autouse=True)
def _account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield


def client(service: str) -> Any:
    return boto3.client(service, region_name=REGION)


def number(value: Any) -> Any:
    return int(value) if isinstance(value, float) else value


def made(**config: str) -> tuple[dict[str, Any], list[str]]:
    """The server as the account has it, made with what the program asks for; and its subnets."""
    recorded = record({**BASE, "database": "rds", **config})
    ec2, rds = client("ec2"), client("rds")
    vpc = ec2.create_vpc(CidrBlock="10.64.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=each["inputs"]["cidrBlock"], AvailabilityZone=f"{REGION}{zone}")
        for each, zone in ((one(recorded, "private-1"), "a"), (one(recorded, "private-2"), "b"))
    ]
    names = [each["Subnet"]["SubnetId"] for each in subnets]
    server = one(recorded, "rds")["inputs"]
    group, parameters = one(recorded, "database")["inputs"], one(recorded, "rds-parameters")["inputs"]
    rds.create_db_subnet_group(
        DBSubnetGroupName=server["dbSubnetGroupName"],
        DBSubnetGroupDescription=group["description"],
        SubnetIds=names,
    )
    rds.create_db_parameter_group(
        DBParameterGroupName=server["parameterGroupName"],
        DBParameterGroupFamily=parameters["family"],
        Description=parameters["description"],
    )
    rds.modify_db_parameter_group(
        DBParameterGroupName=server["parameterGroupName"],
        Parameters=[
            {"ParameterName": each["name"], "ParameterValue": each["value"], "ApplyMethod": each["applyMethod"]}
            for each in parameters["parameters"]
        ],
    )
    security = ec2.create_security_group(GroupName="database", Description="Database", VpcId=vpc)["GroupId"]
    asked = {
        NAMES.get(name, name[0].upper() + name[1:]): number(value)
        for name, value in server.items()
        if name not in LATER
    }
    tags = [{"Key": key, "Value": value} for key, value in {**OWNER, **server["tags"]}.items()]
    answer = rds.create_db_instance(**{**asked, "VpcSecurityGroupIds": [security]}, Tags=tags)
    found: dict[str, Any] = answer["DBInstance"]
    return found, names


def test_the_server_is_encrypted_private_and_backed_up_and_its_password_is_a_secret() -> None:
    found, subnets = made()
    assert {
        name: found[name] for name in ("StorageEncrypted", "PubliclyAccessible", "MultiAZ", "DeletionProtection")
    } == {
        "StorageEncrypted": True,
        "PubliclyAccessible": False,
        "MultiAZ": False,
        "DeletionProtection": True,
    }
    assert (found["BackupRetentionPeriod"], found["AllocatedStorage"], found["MasterUsername"]) == (7, 20, "launchpad")
    assert found["MasterUserSecret"]["SecretArn"].startswith(
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds"
    )
    assert {each["SubnetIdentifier"] for each in found["DBSubnetGroup"]["Subnets"]} == set(subnets)


def test_it_cannot_be_deleted_until_a_key_says_so_and_leaves_a_snapshot_then() -> None:
    name = made()[0]["DBInstanceIdentifier"]
    with pytest.raises(ClientError, match="Cannot delete protected DB Instance"):
        client("rds").delete_db_instance(DBInstanceIdentifier=name, FinalDBSnapshotIdentifier=f"{name}-last")
    server = one(record({**BASE, "database": "rds", "on_destroy": "snapshot"}), "rds")["inputs"]
    client("rds").modify_db_instance(
        DBInstanceIdentifier=name,
        DeletionProtection=server["deletionProtection"],
        ApplyImmediately=server["applyImmediately"],
        AllowMajorVersionUpgrade=server["allowMajorVersionUpgrade"],
    )
    client("rds").delete_db_instance(
        DBInstanceIdentifier=name,
        SkipFinalSnapshot=server["skipFinalSnapshot"],
        FinalDBSnapshotIdentifier=server["finalSnapshotIdentifier"],
        DeleteAutomatedBackups=server["deleteAutomatedBackups"],
    )
    kept = [each["DBSnapshotIdentifier"] for each in client("rds").describe_db_snapshots()["DBSnapshots"]]
    assert f"{name}-last" in kept


def test_the_questions_of_the_preview_are_questions_that_aws_knows() -> None:
    _, subnets = made()
    larger = replace(ARGS, rds=RdsArgs("db.t4g.small", 30))
    (line,) = rds_preflight.restarts(larger, OWNER, session.client)
    assert line.startswith("the database server machine-database-1234567 changes from db.t4g.micro to db.t4g.small")
    theirs = replace(
        ARGS, vpc_id="vpc-1", subnet_id="subnet-1", rds=RdsArgs("db.t3.micro", 10, subnet_ids=tuple(subnets))
    )
    found = rds_preflight.database(theirs, OWNER, session.client)
    assert len([line for line in found if line.endswith("and not in vpc-1")]) == len(subnets)
    assert any("cannot shrink; set it to 20G or more" in line for line in found)
