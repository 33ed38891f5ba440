"""Volumes and snapshots that stacks have left on EC2, and how one becomes the data disk of a stack's next machine."""

from __future__ import annotations

from typing import Any

from infra.machines.aws import session
from infra.machines.aws.answers import Client, code_of
from infra.machines.aws.data_disk import Refused, moved
from infra.machines.aws.left import Left, Target, check, stack_of
from infra.machines.aws.owner import owner_tags
from infra.machines.ec2 import volumes
from infra.machines.ec2.settings import DEFAULTS
from infra.machines.held_disks import MACHINE, Seeker

OURS = [{"Name": "tag:ManagedBy", "Values": ["pulumi"]}, {"Name": "tag:Role", "Values": ["data of *"]}]
KEY = "launchpad:ec2.subnet_id"


def target(seeker: Seeker, region: str) -> Target:
    """Where a stack's settings put its machine."""
    return Target(
        region,
        owner_tags(seeker.project, seeker.stack),
        MACHINE,
        subnet=seeker.setting("ec2.subnet_id"),
        instance_type=seeker.setting("ec2.instance_type") or DEFAULTS.instance_type,
    )


def listed(region: str, client: Client = session.client) -> list[Left]:
    """The volumes and the snapshots of a region that have the tags of a stack's data disk.

    Args:
        region: The region.
        client: Creates a boto3 client.
    """
    ec2 = client("ec2", region)
    found = []
    for page in ec2.get_paginator("describe_volumes").paginate(Filters=OURS):
        for each in page["Volumes"]:
            user = _user(each)
            state = f"in use by {user}" if user else f"free, of {each['CreateTime']:%Y-%m-%d}"
            place = each["AvailabilityZone"]
            found.append(Left(each["VolumeId"], "disk", each["Size"], stack_of(each.get("Tags", [])), state, place))
    for page in ec2.get_paginator("describe_snapshots").paginate(OwnerIds=["self"], Filters=OURS):
        for each in page["Snapshots"]:
            state, stack = f"taken on {each['StartTime']:%Y-%m-%d}", stack_of(each.get("Tags", []))
            found.append(Left(each["SnapshotId"], "snapshot", each["VolumeSize"], stack, state, region))
    return found


def adopt(target: Target, source: str, client: Client = session.client) -> str:
    """Give a volume, or one that is made of a snapshot, the tags by which the stack's next ``up`` takes it over.

    Args:
        target: The stack.
        source: The id of the volume or the snapshot.
        client: Creates a boto3 client.

    Returns:
        The volume's id.

    Raises:
        Refused: It cannot be had.
    """
    ec2 = client("ec2", target.region)
    own = volumes.find(target.region, dict(target.owner), target.machine, client)
    tags = [{"Key": name, "Value": value} for name, value in target.tags().items()]
    zone = _zone_of(ec2, target)
    if source.startswith("snap-"):
        snapshot = _one(ec2.describe_snapshots, "Snapshots", source, target, SnapshotIds=[source])
        check(source, own)
        if snapshot["State"] != "completed":
            raise Refused(f"{source} is {snapshot['State']}, not completed; try again later")
        made = ec2.create_volume(
            SnapshotId=source,
            AvailabilityZone=zone or _first_zone(ec2, target),
            Size=snapshot["VolumeSize"],
            VolumeType="gp3",
            Encrypted=True,
            TagSpecifications=[{"ResourceType": "volume", "Tags": tags}],
        )
        ec2.get_waiter("volume_available").wait(VolumeIds=[made["VolumeId"]])
        return str(made["VolumeId"])
    volume = _one(ec2.describe_volumes, "Volumes", source, target, VolumeIds=[source])
    wrong_zone = moved(KEY, zone, volume["AvailabilityZone"]) if zone else ""
    check(source, own, attached=_user(volume), wrong_zone=wrong_zone)
    ec2.create_tags(Resources=[source], Tags=tags)
    return source


def _one(describe: Any, what: str, source: str, target: Target, **ids: list[str]) -> dict[str, Any]:
    from botocore.exceptions import ClientError  # noqa: PLC0415 - slow, and only machines on AWS need it

    try:
        found: dict[str, Any] = describe(**ids)[what][0]
    except ClientError as error:
        if "NotFound" in code_of(error) or "Malformed" in code_of(error):
            raise Refused(
                f"{target.region} has no volume and no snapshot {source}. See them: launchpad data list"
            ) from None
        raise
    return found


def _user(volume: dict[str, Any]) -> str:
    """The instance that a volume is attached to; empty if there is none."""
    attached = volume.get("Attachments", [])
    return str(attached[0].get("InstanceId", "another machine")) if attached else ""


def _zone_of(ec2: Any, target: Target) -> str:
    """The zone of the subnet that the config names; empty if it names none: then the machine follows the disk."""
    if not target.subnet:
        return ""
    found = ec2.describe_subnets(Filters=[{"Name": "subnet-id", "Values": [target.subnet]}])["Subnets"]
    if not found:
        raise Refused(f"{KEY} is {target.subnet}, which {target.region} does not have")
    return str(found[0]["AvailabilityZone"])


def _first_zone(ec2: Any, target: Target) -> str:
    """The zone that a new machine would be in."""
    filters = [{"Name": "instance-type", "Values": [target.instance_type]}]
    offered = ec2.describe_instance_type_offerings(LocationType="availability-zone", Filters=filters)
    zones = sorted(str(each["Location"]) for each in offered["InstanceTypeOfferings"])
    if not zones:
        raise Refused(f"launchpad:ec2.instance_type is {target.instance_type}, which {target.region} does not offer")
    return zones[0]
