"""What the controls look at: resources as the program asks for them, wherever they come from."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

INSTANCE = "aws:ec2/instance:Instance"
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
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
PROVIDER = "pulumi:providers:aws"


@dataclass(frozen=True)
class Resource:
    """One resource: its inputs as Pulumi holds them (camelCase), and the names of those that it depends on."""

    type: str
    name: str
    inputs: Mapping[str, Any]
    depends_on: frozenset[str] = frozenset()


Resources = Sequence[Resource]


def of(resources: Resources, *types: str) -> Iterator[Resource]:
    """The resources of the given types."""
    return (each for each in resources if each.type in types)


def from_anywhere(rule: Mapping[str, Any]) -> bool:
    """Whether a rule is for everybody, over IPv4 or IPv6."""
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
