"""What AWS would refuse of a database server is known before anything is made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from infra.machines import firewall
from infra.machines.aws.owner import owner_tags
from infra.machines.ec2 import rds_preflight
from infra.machines.ec2.plan import Ec2Args, RdsArgs

OWNER = owner_tags("launchpad", "ec2")
ARGS = Ec2Args("eu-central-1", firewall.plan((80,), ("0.0.0.0/0",), ("203.0.113.7/32",)), rds=RdsArgs())
A, B = "subnet-0aaaaaaaaaaaaaaa1", "subnet-0aaaaaaaaaaaaaaa2"
THEIRS = replace(ARGS, vpc_id="vpc-1", subnet_id="subnet-1", rds=RdsArgs(subnet_ids=(A, B)))


def server(owner: dict[str, str] = OWNER, role: str = "database of machine", storage: int = 20) -> dict[str, Any]:
    tags = [{"Key": key, "Value": value} for key, value in {**owner, "Role": role}.items()]
    return {
        "DBInstanceIdentifier": "machine-database-1",
        "DBInstanceClass": "db.t4g.micro",
        "AllocatedStorage": storage,
        "TagList": tags,
    }


class Aws:
    """An account with answers."""

    def __init__(self, *servers: dict[str, Any], **answers: Any) -> None:
        self.servers = servers
        self.answers: dict[str, Any] = {
            "describe_orderable_db_instance_options": {"OrderableDBInstanceOptions": [{}]},
            "describe_instance_type_offerings": {
                "InstanceTypeOfferings": [{"Location": "eu-central-1a"}, {"Location": "eu-central-1b"}]
            },
            "describe_subnets": {"Subnets": [subnet(A, "a"), subnet(B, "b")]},
            "describe_route_tables": {"RouteTables": [routes(A, "nat-1")]},
            **answers,
        }

    def __call__(self, _service: str, _region: str) -> Aws:
        return self

    def __getattr__(self, name: str) -> Any:
        return lambda **_question: self.answers[name]

    def get_paginator(self, _name: str) -> Aws:
        return self

    def paginate(self) -> list[Any]:
        return [{"DBInstances": list(self.servers)}]


def subnet(name: str, zone: str, vpc: str = "vpc-1") -> dict[str, str]:
    return {"SubnetId": name, "VpcId": vpc, "AvailabilityZone": f"eu-central-1{zone}"}


def routes(name: str, gateway: str) -> dict[str, Any]:
    return {
        "RouteTableId": "rtb-1",
        "Routes": [{"GatewayId": "local"}, {"GatewayId": gateway}],
        "Associations": [{"SubnetId": name}, {"SubnetId": "subnet-other"}],
    }


def test_what_aws_would_make_is_no_problem() -> None:
    for args in (ARGS, THEIRS, replace(ARGS, rds=None)):
        assert rds_preflight.database(args, OWNER, Aws(server())) == []
        assert rds_preflight.restarts(args, OWNER, Aws(server())) == []


@pytest.mark.parametrize(
    ("args", "aws", "problem"),
    [
        (
            ARGS,
            Aws(describe_orderable_db_instance_options={"OrderableDBInstanceOptions": []}),
            "launchpad:ec2.rds_class is db.t4g.micro, which eu-central-1 does not offer for PostgreSQL; choose another, "
            "such as db.t4g.micro",
        ),
        (
            ARGS,
            Aws(describe_instance_type_offerings={"InstanceTypeOfferings": [{"Location": "eu-central-1a"}]}),
            "launchpad:database is rds, which needs subnets in 2 zones, and only eu-central-1a of eu-central-1 offers "
            "t3.small; choose another launchpad:ec2.instance_type",
        ),
        (
            THEIRS,
            Aws(describe_subnets={"Subnets": [subnet(A, "a")]}),
            f"launchpad:ec2.rds_subnets has {B}, which eu-central-1 does not have",
        ),
        (
            THEIRS,
            Aws(describe_subnets={"Subnets": [subnet(A, "a", "vpc-2"), subnet(B, "b")]}),
            f"launchpad:ec2.rds_subnets has {A}, which is in vpc-2 and not in vpc-1",
        ),
        (
            THEIRS,
            Aws(describe_subnets={"Subnets": [subnet(A, "a"), subnet(B, "a")]}),
            "launchpad:ec2.rds_subnets are all in eu-central-1a; RDS needs subnets in 2 zones",
        ),
        (
            THEIRS,
            Aws(describe_route_tables={"RouteTables": [routes(B, "igw-1")]}),
            f"launchpad:ec2.rds_subnets has {B}, which has a route to the internet by rtb-1; a database belongs into "
            "private subnets",
        ),
        (
            ARGS,
            Aws(server(storage=50)),
            "launchpad:ec2.rds_storage is 20G, but machine-database-1 has 50 GB, and cannot shrink; set it to 50G or more",
        ),
    ],
)
def test_what_aws_would_refuse_is_told_by_its_key(args: Ec2Args, aws: Aws, problem: str) -> None:
    assert rds_preflight.database(args, OWNER, aws) == [problem]


def test_servers_of_others_do_not_count() -> None:
    others = (server(owner_tags("launchpad", "other"), storage=99), server(role="somebody's", storage=99))
    assert rds_preflight.database(ARGS, OWNER, Aws(*others)) == []


def test_another_class_is_a_restart_and_the_preview_says_so() -> None:
    larger = replace(ARGS, rds=RdsArgs("db.t4g.small"))
    assert rds_preflight.restarts(larger, OWNER, Aws(server())) == [
        "the database server machine-database-1 changes from db.t4g.micro to db.t4g.small and is RESTARTED: some minutes "
        "without the database; what is in it is kept"
    ]
