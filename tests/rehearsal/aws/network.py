"""Networks, groups and their rules."""

from __future__ import annotations

from typing import Any

from tests.rehearsal.aws import body
from tests.rehearsal.aws.kind import Account, Kind, Values


def create_vpc(account: Account, inputs: Values) -> tuple[str, Values]:
    vpc = account.ec2.create_vpc(CidrBlock=inputs["cidrBlock"], TagSpecifications=account.tagged("vpc", inputs))["Vpc"]
    for attribute in ("enableDnsSupport", "enableDnsHostnames"):
        name = attribute[0].upper() + attribute[1:]
        account.ec2.modify_vpc_attribute(VpcId=vpc["VpcId"], **{name: {"Value": inputs[attribute]}})
    return vpc["VpcId"], {"defaultNetworkAclId": default_acl(account, vpc["VpcId"])}


def default_acl(account: Account, vpc: str) -> str:
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "default", "Values": ["true"]}]
    (found,) = account.ec2.describe_network_acls(Filters=filters)["NetworkAcls"]
    return str(found["NetworkAclId"])


def create_default_group(account: Account, inputs: Values) -> tuple[str, Values]:
    """Adopts the group that the VPC came with, and takes its rules away."""
    assert inputs["ingress"] == inputs["egress"] == []
    filters = [{"Name": "vpc-id", "Values": [inputs["vpcId"]]}, {"Name": "group-name", "Values": ["default"]}]
    (group,) = account.ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    if group["IpPermissions"]:
        account.ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])
    if group["IpPermissionsEgress"]:
        account.ec2.revoke_security_group_egress(GroupId=group["GroupId"], IpPermissions=group["IpPermissionsEgress"])
    account.retag(group["GroupId"], inputs)
    return group["GroupId"], {}


def create_default_acl(account: Account, inputs: Values) -> tuple[str, Values]:
    """Adopts the ACL that the VPC came with, and takes its entries away."""
    assert inputs["ingress"] == inputs["egress"] == []
    acl = inputs["defaultNetworkAclId"]
    (found,) = account.ec2.describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"]
    for entry in found["Entries"]:
        if entry["RuleNumber"] < 32767:
            account.ec2.delete_network_acl_entry(
                NetworkAclId=acl, RuleNumber=entry["RuleNumber"], Egress=entry["Egress"]
            )
    account.retag(acl, inputs)
    return acl, {}


def create_acl(account: Account, inputs: Values) -> tuple[str, Values]:
    made = account.ec2.create_network_acl(
        VpcId=inputs["vpcId"], TagSpecifications=account.tagged("network-acl", inputs)
    )["NetworkAcl"]["NetworkAclId"]
    add_entries(account, made, inputs)
    for subnet in inputs["subnetIds"]:
        associate_acl(account, subnet, made)
    return made, {}


def add_entries(account: Account, acl: str, inputs: Values) -> None:
    for direction in ("ingress", "egress"):
        for entry in inputs[direction]:
            ports: Values = {"PortRange": {"From": entry["fromPort"], "To": entry["toPort"]}}
            if entry["protocol"] == "icmp":
                ports = {"IcmpTypeCode": {"Type": entry["icmpType"], "Code": entry["icmpCode"]}}
            account.ec2.create_network_acl_entry(
                NetworkAclId=acl,
                RuleNumber=entry["ruleNo"],
                Protocol={"tcp": "6", "udp": "17", "icmp": "1"}.get(entry["protocol"], entry["protocol"]),
                RuleAction=entry["action"],
                Egress=direction == "egress",
                CidrBlock=entry["cidrBlock"],
                **ports,
            )


def update_acl(account: Account, identifier: str, _olds: Values, news: Values) -> None:
    (found,) = account.ec2.describe_network_acls(NetworkAclIds=[identifier])["NetworkAcls"]
    for entry in found["Entries"]:
        if entry["RuleNumber"] < 32767:
            account.ec2.delete_network_acl_entry(
                NetworkAclId=identifier, RuleNumber=entry["RuleNumber"], Egress=entry["Egress"]
            )
    add_entries(account, identifier, news)


def associate_acl(account: Account, subnet: str, acl: str) -> None:
    filters = [{"Name": "association.subnet-id", "Values": [subnet]}]
    (now,) = account.ec2.describe_network_acls(Filters=filters)["NetworkAcls"]
    (association,) = [each for each in now["Associations"] if each["SubnetId"] == subnet]
    account.ec2.replace_network_acl_association(AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl)


def delete_acl(account: Account, identifier: str, properties: Values) -> None:
    for subnet in properties["subnetIds"]:
        associate_acl(account, subnet, default_acl(account, properties["vpcId"]))
    account.ec2.delete_network_acl(NetworkAclId=identifier)


def create_gateway(account: Account, inputs: Values) -> tuple[str, Values]:
    made = account.ec2.create_internet_gateway(TagSpecifications=account.tagged("internet-gateway", inputs))
    identifier = made["InternetGateway"]["InternetGatewayId"]
    account.ec2.attach_internet_gateway(InternetGatewayId=identifier, VpcId=inputs["vpcId"])
    return identifier, {}


def delete_gateway(account: Account, identifier: str, properties: Values) -> None:
    account.ec2.detach_internet_gateway(InternetGatewayId=identifier, VpcId=properties["vpcId"])
    account.ec2.delete_internet_gateway(InternetGatewayId=identifier)


def create_table(account: Account, inputs: Values) -> tuple[str, Values]:
    made = account.ec2.create_route_table(
        VpcId=inputs["vpcId"], TagSpecifications=account.tagged("route-table", inputs)
    )["RouteTable"]["RouteTableId"]
    for route in inputs["routes"]:
        account.ec2.create_route(
            RouteTableId=made, DestinationCidrBlock=route["cidrBlock"], GatewayId=route["gatewayId"]
        )
    return made, {}


def create_way(account: Account, inputs: Values) -> tuple[str, Values]:
    made = account.ec2.associate_route_table(RouteTableId=inputs["routeTableId"], SubnetId=inputs["subnetId"])
    return made["AssociationId"], {}


def create_subnet(account: Account, inputs: Values) -> tuple[str, Values]:
    made = account.ec2.create_subnet(
        VpcId=inputs["vpcId"],
        CidrBlock=inputs["cidrBlock"],
        AvailabilityZone=inputs["availabilityZone"],
        TagSpecifications=account.tagged("subnet", inputs),
    )["Subnet"]["SubnetId"]
    account.ec2.modify_subnet_attribute(SubnetId=made, MapPublicIpOnLaunch={"Value": inputs["mapPublicIpOnLaunch"]})
    return made, {}


def create_group(account: Account, inputs: Values) -> tuple[str, Values]:
    made = account.ec2.create_security_group(
        GroupName=inputs["name"],
        Description=inputs["description"],
        VpcId=inputs["vpcId"],
        TagSpecifications=account.tagged("security-group", inputs),
    )["GroupId"]
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    account.ec2.revoke_security_group_egress(GroupId=made, IpPermissions=everything)  # as the real plugin does
    return made, {}


def create_rule(direction: str) -> Any:
    def create(account: Account, inputs: Values) -> tuple[str, Values]:
        permission: Values = {"IpProtocol": inputs["ipProtocol"]}
        if "fromPort" in inputs:
            permission |= {"FromPort": inputs["fromPort"], "ToPort": inputs["toPort"]}
        if "cidrIpv6" in inputs:
            ranges = {"CidrIpv6": inputs["cidrIpv6"], "Description": inputs["description"]}
            permission["Ipv6Ranges"] = [ranges]
        else:
            permission["IpRanges"] = [{"CidrIp": inputs["cidrIpv4"], "Description": inputs["description"]}]
        authorize = getattr(account.ec2, f"authorize_security_group_{direction}")
        (made,) = authorize(
            GroupId=inputs["securityGroupId"],
            IpPermissions=[permission],
            TagSpecifications=account.tagged("security-group-rule", inputs),
        )["SecurityGroupRules"]
        body.enforce(account, inputs["securityGroupId"])
        return made["SecurityGroupRuleId"], {"securityGroupRuleId": made["SecurityGroupRuleId"]}

    return create


def delete_rule(direction: str) -> Any:
    def delete(account: Account, identifier: str, properties: Values) -> None:
        revoke = getattr(account.ec2, f"revoke_security_group_{direction}")
        revoke(GroupId=properties["securityGroupId"], SecurityGroupRuleIds=[identifier])
        body.enforce(account, properties["securityGroupId"])

    return delete


def nothing(*_: Any) -> None:
    """What an adopted thing takes to be given up."""


KINDS = {
    "aws:ec2/vpc:Vpc": Kind(create_vpc, lambda account, id_, _: account.ec2.delete_vpc(VpcId=id_)),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Kind(create_default_group, nothing),
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl": Kind(create_default_acl, nothing),
    "aws:ec2/networkAcl:NetworkAcl": Kind(
        create_acl, delete_acl, update=update_acl, replaces=frozenset({"vpcId", "subnetIds"})
    ),
    "aws:ec2/internetGateway:InternetGateway": Kind(create_gateway, delete_gateway),
    "aws:ec2/routeTable:RouteTable": Kind(
        create_table, lambda account, id_, _: account.ec2.delete_route_table(RouteTableId=id_)
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Kind(
        create_way, lambda account, id_, _: account.ec2.disassociate_route_table(AssociationId=id_)
    ),
    "aws:ec2/subnet:Subnet": Kind(create_subnet, lambda account, id_, _: account.ec2.delete_subnet(SubnetId=id_)),
    "aws:ec2/securityGroup:SecurityGroup": Kind(
        create_group, lambda account, id_, _: account.ec2.delete_security_group(GroupId=id_), named_by="name"
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": Kind(create_rule("ingress"), delete_rule("ingress")),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": Kind(create_rule("egress"), delete_rule("egress")),
}
