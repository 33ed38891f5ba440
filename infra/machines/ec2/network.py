"""The network of an EC2 machine as resources: two public subnets with a way to the internet, everything else closed."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import pulumi
from pulumi_aws import ec2

from infra.machines.ec2.acl import AclEntry
from infra.machines.ec2.plan import ExistingNetwork, Network
from infra.machines.ec2.scope import Scope


class Place(NamedTuple):
    """Where the instance is put; ``ways`` have to be there for an address to be of use, and outlive it."""

    vpc_id: pulumi.Input[str]
    subnet_id: pulumi.Input[str]
    ways: list[pulumi.Resource]


def network(scope: Scope, planned: Network | ExistingNetwork, instance_type: str) -> Place:
    """The network that is planned, made or given."""
    if isinstance(planned, ExistingNetwork):
        return Place(planned.vpc_id, planned.subnet_id, [])
    own = ec2.Vpc(
        scope.name("vpc"),
        cidr_block=planned.cidr,
        enable_dns_support=True,
        enable_dns_hostnames=True,
        tags=scope.called("network"),
        opts=scope.options(),
    )
    # adopted and emptied: what is put into the network without a group of its own can neither hear nor speak
    ec2.DefaultSecurityGroup(
        scope.name("default-group"),
        vpc_id=own.id,
        ingress=[],
        egress=[],
        tags=scope.called("default, closed"),
        opts=scope.options(),
    )
    ec2.DefaultNetworkAcl(
        scope.name("default-acl"),
        default_network_acl_id=own.default_network_acl_id,
        ingress=[],
        egress=[],
        tags=scope.called("default, closed"),
        # a subnet is in it for the moments between its own making and that of our ACL
        opts=scope.options(ignore_changes=["subnetIds"]),
    )
    subnets, ways = _subnets(scope, planned, own, _zones(scope, instance_type))
    return Place(own.id, subnets[0].id, ways)


def _subnets(
    scope: Scope, planned: Network, own: ec2.Vpc, zones: pulumi.Output[list[str]]
) -> tuple[list[ec2.Subnet], list[pulumi.Resource]]:
    """The public subnets, behind the ACL, and their ways to the internet."""
    gateway = ec2.InternetGateway(
        scope.name("internet"), vpc_id=own.id, tags=scope.called("internet"), opts=scope.options()
    )
    table = ec2.RouteTable(
        scope.name("public"),
        vpc_id=own.id,
        routes=[ec2.RouteTableRouteArgs(cidr_block="0.0.0.0/0", gateway_id=gateway.id)],
        tags=scope.called("public"),
        opts=scope.options(),
    )
    subnets: list[ec2.Subnet] = []
    ways: list[pulumi.Resource] = [gateway]
    for subnet in planned.subnets:
        made = ec2.Subnet(
            scope.name(subnet.suffix),
            vpc_id=own.id,
            cidr_block=subnet.cidr,
            availability_zone=zones.apply(partial(_choose, subnet.zone)),
            map_public_ip_on_launch=False,
            tags=scope.called(subnet.suffix),
            # once made it stays in its zone, whatever zones AWS adds
            opts=scope.options(ignore_changes=["availabilityZone"]),
        )
        way = ec2.RouteTableAssociation(
            scope.name(f"{subnet.suffix}-route"), subnet_id=made.id, route_table_id=table.id, opts=scope.options()
        )
        subnets.append(made)
        ways.append(way)
    ec2.NetworkAcl(
        scope.name("acl"),
        vpc_id=own.id,
        subnet_ids=[subnet.id for subnet in subnets],
        ingress=[ec2.NetworkAclIngressArgs(**_entry(entry)) for entry in planned.acl if entry.direction == "ingress"],
        egress=[ec2.NetworkAclEgressArgs(**_entry(entry)) for entry in planned.acl if entry.direction == "egress"],
        tags=scope.called("public"),
        opts=scope.options(),
    )
    return subnets, ways


def _entry(entry: AclEntry) -> dict[str, Any]:
    is_icmp = entry.protocol == "icmp"
    return {
        "rule_no": entry.number,
        "action": "allow",
        "protocol": entry.protocol,
        "cidr_block": entry.cidr,
        "from_port": 0 if is_icmp else entry.from_port,
        "to_port": 0 if is_icmp else entry.to_port,
        **({"icmp_type": entry.from_port, "icmp_code": entry.to_port} if is_icmp else {}),
    }


def _zones(scope: Scope, instance_type: str) -> pulumi.Output[list[str]]:
    """The zones that offer the instance type, in a stable order."""
    offered = ec2.get_instance_type_offerings_output(
        location_type="availability-zone",
        filters=[
            ec2.GetInstanceTypeOfferingsFilterArgs(name="instance-type", values=[instance_type]),
        ],
        opts=scope.lookup(),
    )
    zones: pulumi.Output[list[str]] = offered.apply(lambda found: sorted(found.locations))
    return zones


def _choose(place: int, names: list[str]) -> str:
    return names[place % len(names)]
