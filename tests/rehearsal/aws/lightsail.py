"""Lightsail's resources, each as the calls by which the real plugin makes, changes and removes it."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from infra.machines.firewall import ANYWHERE
from infra.protocol.firewall import Rule
from tests.rehearsal.aws import body
from tests.rehearsal.aws.kind import Account, Kind, Values

PREAMBLE = """#!/bin/sh
echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl' > /etc/ssh/lightsail_instance_ca.pub
echo 'TrustedUserCAKeys /etc/ssh/lightsail_instance_ca.pub' >> /etc/ssh/sshd_config
systemctl restart ssh
"""
"""What Lightsail puts before the user data, in essence."""


def tags(account: Account, inputs: Values) -> list[dict[str, str]]:
    """Tags as Lightsail takes them."""
    return [{"key": each["Key"], "value": each["Value"]} for each in account.tags(inputs)]


def create_instance(account: Account, inputs: Values) -> tuple[str, Values]:
    """Makes the instance, and gives it a body."""
    name = inputs["name"]
    account.lightsail.create_instances(
        instanceNames=[name],
        availabilityZone=inputs["availabilityZone"],
        blueprintId=inputs["blueprintId"],
        bundleId=inputs["bundleId"],
        ipAddressType=inputs["ipAddressType"],
        userData=inputs["userData"],
        tags=tags(account, inputs),
    )
    switch_add_on(account, name, {}, inputs)
    with body.one_at_a_time():
        body.boot(name, PREAMBLE + inputs["userData"], firewall(account, name))
    return name, {}


def update_instance(account: Account, identifier: str, olds: Values, news: Values) -> None:
    if olds["ipAddressType"] != news["ipAddressType"]:
        account.lightsail.set_ip_address_type(
            resourceType="Instance", resourceName=identifier, ipAddressType=news["ipAddressType"]
        )
    switch_add_on(account, identifier, olds, news)


def switch_add_on(account: Account, name: str, olds: Values, news: Values) -> None:
    old, new = olds.get("addOn"), news.get("addOn")
    if old == new:
        return
    if old:
        account.lightsail.disable_add_on(resourceName=name, addOnType=old["type"])
    if new:
        time = {"snapshotTimeOfDay": new["snapshotTime"]}
        request = {"addOnType": new["type"], "autoSnapshotAddOnRequest": time}
        account.lightsail.enable_add_on(resourceName=name, addOnRequest=request)


def delete_instance(account: Account, identifier: str, _properties: Values) -> None:
    account.lightsail.delete_instance(instanceName=identifier, forceDeleteAddOns=True)
    body.take(identifier)


def exists_instance(account: Account, identifier: str) -> bool:
    try:
        account.lightsail.get_instance(instanceName=identifier)
    except ClientError:
        return False
    return True


def create_ports(account: Account, inputs: Values) -> tuple[str, Values]:
    account.lightsail.put_instance_public_ports(instanceName=inputs["instanceName"], portInfos=inputs["portInfos"])
    enforce(account, inputs["instanceName"])
    return f"{inputs['instanceName']}-ports", {}


def delete_ports(account: Account, _id: str, properties: Values) -> None:
    """Closes by number whatever is open by then, as the real plugin does."""
    for info in properties["portInfos"]:
        account.lightsail.close_instance_public_ports(instanceName=properties["instanceName"], portInfo=info)
    enforce(account, properties["instanceName"])


def enforce(account: Account, instance: str) -> None:
    """Put the instance's ports into force on its body."""
    with body.one_at_a_time():
        body.boot(instance, body.about(instance)["user_data"], firewall(account, instance))


def firewall(account: Account, instance: str) -> tuple[Rule, ...]:
    """The instance's ports as the embedded machine takes them; everything may go out."""
    states = account.lightsail.get_instance_port_states(instanceName=instance)["portStates"]
    rules = [
        Rule("ingress", state["protocol"], state["fromPort"], state["toPort"], cidr, "as Lightsail has it")
        for state in states
        for cidr in (*state.get("cidrs", []), *state.get("ipv6Cidrs", []))
    ]
    return (*rules, *(Rule("egress", "all", 0, 0, cidr, "as Lightsail has it") for cidr in ANYWHERE))


def create_address(account: Account, inputs: Values) -> tuple[str, Values]:
    account.lightsail.allocate_static_ip(staticIpName=inputs["name"])
    found = account.lightsail.get_static_ip(staticIpName=inputs["name"])["staticIp"]
    return inputs["name"], {"ipAddress": found["ipAddress"]}


def create_use(account: Account, inputs: Values) -> tuple[str, Values]:
    """Attaches the address. What leads to the instance in truth is its body's address."""
    body.note(f"address {inputs['instanceName']}")
    account.lightsail.attach_static_ip(staticIpName=inputs["staticIpName"], instanceName=inputs["instanceName"])
    return inputs["staticIpName"], {"ipAddress": body.address(inputs["instanceName"])}


def delete_use(account: Account, identifier: str, _properties: Values) -> None:
    """Detaches from whichever instance has it by then, as the real plugin does."""
    account.lightsail.detach_static_ip(staticIpName=identifier)


def create_disk(account: Account, inputs: Values) -> tuple[str, Values]:
    account.lightsail.create_disk(
        diskName=inputs["name"],
        availabilityZone=inputs["availabilityZone"],
        sizeInGb=inputs["sizeInGb"],
        tags=tags(account, inputs),
    )
    made = account.lightsail.get_disk(diskName=inputs["name"])["disk"]
    return inputs["name"], {"supportCode": made["supportCode"]}


def read_disk(account: Account, identifier: str) -> Values | None:
    """The disk as inputs, for an import."""
    try:
        found = account.lightsail.get_disk(diskName=identifier)["disk"]
    except ClientError:
        return None
    return {
        "name": found["name"],
        "availabilityZone": found["location"]["availabilityZone"],
        "sizeInGb": found["sizeInGb"],
        "supportCode": found["supportCode"],
        "tags": {each["key"]: each["value"] for each in found["tags"] if each["key"] not in account.default_tags},
    }


def update_disk(account: Account, identifier: str, _olds: Values, news: Values) -> None:
    account.lightsail.tag_resource(resourceName=identifier, tags=tags(account, news))


def delete_disk(account: Account, identifier: str, _properties: Values) -> None:
    account.lightsail.delete_disk(diskName=identifier)
    body.forget(identifier)


def create_disk_use(account: Account, inputs: Values) -> tuple[str, Values]:
    account.lightsail.attach_disk(
        diskName=inputs["diskName"], instanceName=inputs["instanceName"], diskPath=inputs["diskPath"]
    )
    body.attach(inputs["instanceName"], inputs["diskName"])
    return f"{inputs['diskName']},{inputs['instanceName']}", {}


def delete_disk_use(account: Account, identifier: str, _properties: Values) -> None:
    """A disk can be detached from a stopped instance only."""
    disk, _, instance = identifier.partition(",")
    account.lightsail.stop_instance(instanceName=instance)
    body.stop(instance)
    account.lightsail.detach_disk(diskName=disk)
    body.note(f"detach {disk} {instance}")
    account.lightsail.start_instance(instanceName=instance)
    enforce(account, instance)  # the real plugin starts it again, without the disk


def by(operation: str, argument: str) -> Any:
    """A deletion by one call."""

    def delete(account: Account, identifier: str, _properties: Values) -> None:
        getattr(account.lightsail, operation)(**{argument: identifier})

    return delete


KINDS = {
    "aws:lightsail/instance:Instance": Kind(
        create_instance,
        delete_instance,
        exists_instance,
        update_instance,
        replaces=frozenset({"availabilityZone", "blueprintId", "bundleId", "keyPairName", "name", "userData"}),
        named_by="name",
    ),
    "aws:lightsail/instancePublicPorts:InstancePublicPorts": Kind(create_ports, delete_ports),
    "aws:lightsail/staticIp:StaticIp": Kind(create_address, by("release_static_ip", "staticIpName"), named_by="name"),
    "aws:lightsail/staticIpAttachment:StaticIpAttachment": Kind(create_use, delete_use),
    "aws:lightsail/disk:Disk": Kind(
        create_disk,
        delete_disk,
        lambda account, identifier: read_disk(account, identifier) is not None,
        update_disk,
        replaces=frozenset({"availabilityZone", "name", "sizeInGb"}),
        named_by="name",
        read=read_disk,
    ),
    "aws:lightsail/disk_attachment:Disk_attachment": Kind(create_disk_use, delete_disk_use),
}
