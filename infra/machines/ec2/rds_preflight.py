"""Checks against AWS before a database server is made or changed: class, zones, subnets, size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from infra.machines.aws.answers import Client
from infra.machines.aws.data_disk import TAG
from infra.machines.aws.owner import is_ours
from infra.machines.ec2.plan import ZONES, Ec2Args, RdsArgs

ENGINE = "postgres"


def database(args: Ec2Args, owner: dict[str, str], client: Client) -> list[str]:
    """Check what is asked for of the database server. Returns problems, one line each."""
    wanted = args.rds
    if wanted is None:
        return []
    places = _subnets(args, wanted, client) if args.subnet_id else _zones(args, client)
    return [*_class(args, wanted, client), *places, *_size(args, wanted, owner, client)]


def restarts(args: Ec2Args, owner: dict[str, str], client: Client) -> list[str]:
    """Warn of what stops the running server for a while."""
    wanted = args.rds
    return [
        f"the database server {each['DBInstanceIdentifier']} changes from {each['DBInstanceClass']} to "
        f"{wanted.instance_class} and is RESTARTED: some minutes without the database; what is in it is kept"
        for each in _ours(args, owner, client)
        if wanted and each["DBInstanceClass"] != wanted.instance_class
    ]


def _class(args: Ec2Args, wanted: RdsArgs, client: Client) -> Iterator[str]:
    asked = {"Engine": ENGINE, "DBInstanceClass": wanted.instance_class, "Vpc": True}
    found = client("rds", args.region).describe_orderable_db_instance_options(**asked)
    if not found["OrderableDBInstanceOptions"]:
        yield (
            f"launchpad:ec2.rds_class is {wanted.instance_class}, which {args.region} does not offer for PostgreSQL; "
            "choose another, such as db.t4g.micro"
        )


def _zones(args: Ec2Args, client: Client) -> Iterator[str]:
    """The new subnets are in zones that offer the machine's type, and RDS insists on two."""
    filters = [{"Name": "instance-type", "Values": [args.instance_type]}]
    offered = client("ec2", args.region).describe_instance_type_offerings(
        LocationType="availability-zone", Filters=filters
    )
    zones = {item["Location"] for item in offered["InstanceTypeOfferings"]}
    if len(zones) < ZONES:
        yield (
            f"launchpad:database is rds, which needs subnets in {ZONES} zones, and only {', '.join(sorted(zones))} of "
            f"{args.region} offers {args.instance_type}; choose another launchpad:ec2.instance_type"
        )


def _subnets(args: Ec2Args, wanted: RdsArgs, client: Client) -> Iterator[str]:
    ec2, names = client("ec2", args.region), list(wanted.subnet_ids)
    key = "launchpad:ec2.rds_subnets"
    found = ec2.describe_subnets(Filters=[{"Name": "subnet-id", "Values": names}])["Subnets"]
    if missing := sorted(set(names) - {each["SubnetId"] for each in found}):
        yield f"{key} has {', '.join(missing)}, which {args.region} does not have"
    for each in found:
        if each["VpcId"] != args.vpc_id:
            yield f"{key} has {each['SubnetId']}, which is in {each['VpcId']} and not in {args.vpc_id}"
    if not missing and len({each["AvailabilityZone"] for each in found}) < ZONES:
        yield f"{key} are all in {found[0]['AvailabilityZone']}; RDS needs subnets in {ZONES} zones"
    filters = [{"Name": "association.subnet-id", "Values": names}]
    for table in ec2.describe_route_tables(Filters=filters)["RouteTables"]:
        if any(str(route.get("GatewayId", "")).startswith("igw-") for route in table["Routes"]):
            used = {use.get("SubnetId") for use in table["Associations"]} & set(names)
            yield (
                f"{key} has {', '.join(sorted(map(str, used)))}, which has a route to the internet by "
                f"{table['RouteTableId']}; a database belongs into private subnets"
            )


def _size(args: Ec2Args, wanted: RdsArgs, owner: dict[str, str], client: Client) -> Iterator[str]:
    for each in _ours(args, owner, client):
        if each["AllocatedStorage"] > wanted.storage:
            yield (
                f"launchpad:ec2.rds_storage is {wanted.storage}G, but {each['DBInstanceIdentifier']} has "
                f"{each['AllocatedStorage']} GB, and cannot shrink; set it to {each['AllocatedStorage']}G or more"
            )


def _ours(args: Ec2Args, owner: dict[str, str], client: Client) -> Iterator[Mapping[str, Any]]:
    """The stack's database servers."""
    if args.rds is None:
        return
    for page in client("rds", args.region).get_paginator("describe_db_instances").paginate():
        for each in page["DBInstances"]:
            tags = each.get("TagList", [])
            mine = any(tag["Key"] == TAG and tag["Value"].startswith("database of ") for tag in tags)
            if mine and is_ours(tags, owner):
                yield each
