"""The network of an EC2 machine as resources: a VPC with public and private subnets, and its defaults closed."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pulumi
from pulumi_aws import ec2

from infra.machines.aws.owner import owner_tags
from infra.machines.aws.scope import Scope, provider
from infra.machines.ec2 import plan
from infra.machines.ec2.acl import AclEntry
from infra.machines.ec2.plan import Network, Subnet
from infra.machines.ec2.settings import DEFAULTS
from infra.machines.firewall import Firewall


@dataclass(frozen=True)
class Ec2NetworkArgs:
    """The arguments of a network.

    Attributes:
        region: The AWS region.
        firewall: The firewall of the machines in it; the ACL closes SSH and RDP to networks that it does not list.
        cidr: The IPv4 network, from /16 to /24.
        instance_type: The subnets are in availability zones that offer this type.
        tags: Additional tags, besides ``ManagedBy``, ``Project`` and ``Stack``.
        zone: The first subnet's zone, if it offers the type; a data disk that is there has to be in it.
        private: Whether there are private subnets besides, for a database server.
    """

    region: str
    firewall: Firewall
    cidr: str = DEFAULTS.vpc_cidr
    instance_type: str = DEFAULTS.instance_type
    tags: dict[str, str] = field(default_factory=dict)
    zone: str = ""
    private: bool = False


class Ec2Network(pulumi.ComponentResource):
    """A VPC with public subnets in two zones, for machines and a load balancer in front, and private ones if wanted.

    A machine takes ``vpc_id`` and one of ``subnet_ids``, with ``depends_on=[network]``: an address is reachable only
    after ``routes`` exist. If the options hold no provider, the component creates one for its region.
    """

    vpc_id: pulumi.Output[str]
    subnet_ids: list[pulumi.Output[str]]
    private_subnet_ids: list[pulumi.Output[str]]
    zone: pulumi.Output[str]
    """The availability zone of the first subnet."""
    routes: list[pulumi.Resource]
    """The routes to the internet, which must exist before an address is used and outlive it."""

    def __init__(self, name: str, args: Ec2NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("launchpad:infra:Ec2Network", name, {}, opts)
        tags = owner_tags(pulumi.get_project(), pulumi.get_stack()) | args.tags
        explicit = opts.provider if opts else None
        scope = Scope(name, self, explicit or provider(name, args.region, tags, self))
        planned = plan.network(args.cidr, args.firewall, private=args.private)
        new_vpc = _vpc(scope, planned)
        zones = _zones(scope, args)
        subnets, self.routes = _subnets(scope, planned, new_vpc, zones)
        self.private_subnet_ids = [subnet.id for subnet in _private_subnets(scope, planned, new_vpc, zones)]
        self.vpc_id, self.subnet_ids = new_vpc.id, [subnet.id for subnet in subnets]
        self.zone = subnets[0].availability_zone
        self.register_outputs({"vpc_id": self.vpc_id, "subnet_ids": self.subnet_ids})


def _vpc(scope: Scope, planned: Network) -> ec2.Vpc:
    """The VPC, with its default security group and default ACL closed."""
    new_vpc = ec2.Vpc(
        scope.name("vpc"),
        cidr_block=planned.cidr,
        enable_dns_support=True,
        enable_dns_hostnames=True,
        tags=scope.name_tag("network"),
        opts=scope.options(),
    )
    # adopted and emptied: a machine without a security group of its own can neither receive nor send
    ec2.DefaultSecurityGroup(
        scope.name("default-group"),
        vpc_id=new_vpc.id,
        ingress=[],
        egress=[],
        tags=scope.name_tag("default, closed"),
        opts=scope.options(),
    )
    ec2.DefaultNetworkAcl(
        scope.name("default-acl"),
        default_network_acl_id=new_vpc.default_network_acl_id,
        ingress=[],
        egress=[],
        tags=scope.name_tag("default, closed"),
        # a new subnet uses the default ACL until our own ACL is created
        opts=scope.options(ignore_changes=["subnetIds"]),
    )
    return new_vpc


def _subnets(
    scope: Scope, planned: Network, new_vpc: ec2.Vpc, zones: pulumi.Output[list[str]]
) -> tuple[list[ec2.Subnet], list[pulumi.Resource]]:
    """Create the public subnets, their ACL and their routes.

    Returns:
        The subnets, and the resources that connect them to the internet.
    """
    gateway = ec2.InternetGateway(
        scope.name("internet"), vpc_id=new_vpc.id, tags=scope.name_tag("internet"), opts=scope.options()
    )
    table = ec2.RouteTable(
        scope.name("public"),
        vpc_id=new_vpc.id,
        routes=[ec2.RouteTableRouteArgs(cidr_block="0.0.0.0/0", gateway_id=gateway.id)],
        tags=scope.name_tag("public"),
        opts=scope.options(),
    )
    subnets: list[ec2.Subnet] = []
    routes: list[pulumi.Resource] = [gateway]
    for planned_subnet in planned.subnets:
        subnet = _subnet(scope, planned_subnet, new_vpc, zones)
        route = ec2.RouteTableAssociation(
            scope.name(f"{planned_subnet.suffix}-route"),
            subnet_id=subnet.id,
            route_table_id=table.id,
            opts=scope.options(),
        )
        subnets.append(subnet)
        routes.append(route)
    _acl(scope, "public", new_vpc, subnets, planned.acl)
    return subnets, routes


def _private_subnets(
    scope: Scope, planned: Network, new_vpc: ec2.Vpc, zones: pulumi.Output[list[str]]
) -> list[ec2.Subnet]:
    """Create the private subnets: their route table has no route but the VPC's own, and nobody else's applies."""
    if not planned.private:
        return []
    table = ec2.RouteTable(
        scope.name("private"), vpc_id=new_vpc.id, routes=[], tags=scope.name_tag("private"), opts=scope.options()
    )
    subnets = []
    for planned_subnet in planned.private:
        subnet = _subnet(scope, planned_subnet, new_vpc, zones)
        ec2.RouteTableAssociation(
            scope.name(f"{planned_subnet.suffix}-route"),
            subnet_id=subnet.id,
            route_table_id=table.id,
            opts=scope.options(),
        )
        subnets.append(subnet)
    _acl(scope, "private", new_vpc, subnets, planned.private_acl)
    return subnets


def _subnet(scope: Scope, planned: Subnet, new_vpc: ec2.Vpc, zones: pulumi.Output[list[str]]) -> ec2.Subnet:
    return ec2.Subnet(
        scope.name(planned.suffix),
        vpc_id=new_vpc.id,
        cidr_block=planned.cidr,
        availability_zone=zones.apply(partial(_choose, planned.zone)),
        map_public_ip_on_launch=False,
        tags=scope.name_tag(planned.suffix),
        # a subnet stays in its zone when AWS adds zones
        opts=scope.options(ignore_changes=["availabilityZone"]),
    )


def _acl(scope: Scope, kind: str, new_vpc: ec2.Vpc, subnets: list[ec2.Subnet], entries: tuple[AclEntry, ...]) -> None:
    ec2.NetworkAcl(
        scope.name("acl" if kind == "public" else f"acl-{kind}"),
        vpc_id=new_vpc.id,
        subnet_ids=[subnet.id for subnet in subnets],
        ingress=[ec2.NetworkAclIngressArgs(**_entry(entry)) for entry in entries if entry.direction == "ingress"],
        egress=[ec2.NetworkAclEgressArgs(**_entry(entry)) for entry in entries if entry.direction == "egress"],
        tags=scope.name_tag(kind),
        opts=scope.options(),
    )


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


def _zones(scope: Scope, args: Ec2NetworkArgs) -> pulumi.Output[list[str]]:
    """The zones that offer the instance type, in a stable order: the one that is asked for, and the others by name."""
    offered = ec2.get_instance_type_offerings_output(
        location_type="availability-zone",
        filters=[
            ec2.GetInstanceTypeOfferingsFilterArgs(name="instance-type", values=[args.instance_type]),
        ],
        opts=scope.lookup(),
    )
    zones: pulumi.Output[list[str]] = offered.apply(
        lambda offerings: sorted(offerings.locations, key=lambda zone: (zone != args.zone, zone))
    )
    return zones


def _choose(index: int, zones: list[str]) -> str:
    return zones[index % len(zones)]
