"""The resources that the controls check, as the program declares them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

INSTANCE = "aws:ec2/instance:Instance"
VOLUME = "aws:ebs/volume:Volume"
VOLUME_USE = "aws:ec2/volumeAttachment:VolumeAttachment"
SNAPSHOT_PERMISSION = "aws:ec2/snapshotCreateVolumePermission:SnapshotCreateVolumePermission"
SNAPSHOT_BLOCK = "aws:ebs/snapshotBlockPublicAccess:SnapshotBlockPublicAccess"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
ACL = "aws:ec2/networkAcl:NetworkAcl"
DEFAULT_ACL = "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl"
VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
FLOW_LOG = "aws:ec2/flowLog:FlowLog"
ADDRESS_USE = "aws:ec2/eipAssociation:EipAssociation"
POLICY_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
SUBNET_ROUTE = "aws:ec2/routeTableAssociation:RouteTableAssociation"
ROUTES = "aws:ec2/routeTable:RouteTable"
RDS = "aws:rds/instance:Instance"
RDS_SNAPSHOT = "aws:rds/snapshot:Snapshot"
RDS_SUBNETS = "aws:rds/subnetGroup:SubnetGroup"
RDS_PARAMETERS = "aws:rds/parameterGroup:ParameterGroup"
LIGHTSAIL = "aws:lightsail/instance:Instance"
LIGHTSAIL_PORTS = "aws:lightsail/instancePublicPorts:InstancePublicPorts"
LIGHTSAIL_ADDRESS_USE = "aws:lightsail/staticIpAttachment:StaticIpAttachment"
PROVIDER = "pulumi:providers:aws"

Inputs = Mapping[str, Any]
Judge = Callable[[Inputs], bool]
"""Whether something is wrong with a resource of these inputs."""


@dataclass(frozen=True)
class Resource:
    """A resource: its inputs as Pulumi stores them (camelCase), and the names of its dependencies."""

    type: str
    name: str
    inputs: Inputs
    depends_on: frozenset[str] = frozenset()


Resources = Sequence[Resource]


def of(resources: Resources, *types: str) -> Iterator[Resource]:
    """The resources of the given types."""
    return (each for each in resources if each.type in types)


def ingress(resources: Resources) -> Iterator[tuple[Resource, Mapping[str, Any]]]:
    """Every rule about incoming traffic, with its resource; Lightsail has one resource for all of a machine's."""
    for rule in of(resources, INGRESS):
        yield rule, rule.inputs
    for ports in of(resources, LIGHTSAIL_PORTS):
        for each in ports.inputs.get("portInfos") or []:
            # a range that names nobody is open to everybody
            named = each.get("cidrs") or each.get("ipv6Cidrs") or each.get("cidrListAliases")
            networks = [*(each.get("cidrs") or []), *(each.get("ipv6Cidrs") or [])] if named else ["0.0.0.0/0"]
            for network in networks:
                flow = {"ipProtocol": each["protocol"], "fromPort": each["fromPort"], "toPort": each["toPort"]}
                yield ports, {**flow, "cidrIpv6" if ":" in network else "cidrIpv4": network}


def from_anywhere(rule: Mapping[str, Any]) -> bool:
    """Whether a rule applies to every IPv4 or every IPv6 address."""
    cidrs = (rule.get("cidrIpv4"), rule.get("cidrIpv6"), rule.get("cidrBlock"), rule.get("ipv6CidrBlock"))
    return any(ipaddress.ip_network(cidr).prefixlen == 0 for cidr in cidrs if cidr)


def covers(rule: Mapping[str, Any], *ports: int) -> bool:
    """Whether a rule of a group or an ACL includes one of the TCP ports."""
    protocol = str(rule.get("ipProtocol", rule.get("protocol")))
    if protocol in ("-1", "all"):
        return True
    if protocol not in ("tcp", "6"):
        return False
    return any(int(rule["fromPort"]) <= port <= int(rule["toPort"]) for port in ports)
