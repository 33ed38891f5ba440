"""EBS volumes and their attachments, as strict as AWS is, which moto is not."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from tests.rehearsal.aws import body
from tests.rehearsal.aws.kind import Account, Kind, Values


def refused(code: str, message: str) -> ClientError:
    """AWS's refusal."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "Storage")


def create_volume(account: Account, inputs: Values) -> tuple[str, Values]:
    made = account.ec2.create_volume(
        AvailabilityZone=inputs["availabilityZone"],
        Encrypted=inputs["encrypted"],
        VolumeType=inputs["type"],
        Size=inputs["size"],
        TagSpecifications=account.tagged("volume", inputs),
    )
    return made["VolumeId"], {}


def read_volume(account: Account, identifier: str) -> Values | None:
    """The volume as inputs, for an import."""
    try:
        (found,) = account.ec2.describe_volumes(VolumeIds=[identifier])["Volumes"]
    except ClientError:
        return None
    tags = {each["Key"]: each["Value"] for each in found["Tags"]}
    return {
        "availabilityZone": found["AvailabilityZone"],
        "encrypted": found["Encrypted"],
        "type": found["VolumeType"],
        "size": found["Size"],
        "tags": {name: value for name, value in tags.items() if name not in account.default_tags},
    }


def update_volume(account: Account, identifier: str, olds: Values, news: Values) -> None:
    """In place. AWS does not shrink a volume."""
    if news["size"] < olds["size"]:
        raise refused("InvalidParameterValue", "New size cannot be smaller than existing size")
    if news["size"] != olds["size"]:
        account.ec2.modify_volume(VolumeId=identifier, Size=news["size"])
    account.retag(identifier, news)


def delete_volume(account: Account, identifier: str, properties: Values) -> None:
    """Deletes the volume, after a snapshot with its tags if that is asked for."""
    if state(account, identifier) != "available":
        raise refused("VolumeInUse", f"Volume {identifier} is currently attached")
    if properties.get("finalSnapshot"):
        tags = account.tagged("snapshot", properties)
        account.ec2.create_snapshot(VolumeId=identifier, TagSpecifications=tags)
    account.ec2.delete_volume(VolumeId=identifier)
    body.forget(identifier)


def state(account: Account, volume: str) -> str:
    """The volume's state."""
    (found,) = account.ec2.describe_volumes(VolumeIds=[volume])["Volumes"]
    return str(found["State"])


def create_use(account: Account, inputs: Values) -> tuple[str, Values]:
    """Attaches. AWS refuses a volume that another instance has, and one of another zone."""
    volume, instance = inputs["volumeId"], inputs["instanceId"]
    body.fail_once("attach")
    (found,) = account.ec2.describe_volumes(VolumeIds=[volume])["Volumes"]
    (reservation,) = account.ec2.describe_instances(InstanceIds=[instance])["Reservations"]
    if found["State"] != "available":
        raise refused("VolumeInUse", f"{volume} is already attached to an instance")
    if found["AvailabilityZone"] != reservation["Instances"][0]["Placement"]["AvailabilityZone"]:
        raise refused("InvalidVolume.ZoneMismatch", f"The volume '{volume}' is not in the same zone as '{instance}'")
    account.ec2.attach_volume(Device=inputs["deviceName"], InstanceId=instance, VolumeId=volume)
    body.attach(instance, volume)
    return f"vai-{instance}-{volume}", {}


def delete_use(account: Account, _id: str, properties: Values) -> None:
    """Stops the instance and detaches; a volume that is detached already is fine, as in the real plugin."""
    volume, instance = properties["volumeId"], properties["instanceId"]
    if properties.get("stopInstanceBeforeDetaching"):
        account.ec2.stop_instances(InstanceIds=[instance])
        body.stop(instance)
    if state(account, volume) != "available":
        account.ec2.detach_volume(Device=properties["deviceName"], InstanceId=instance, VolumeId=volume)
        body.note(f"detach {volume} {instance}")


KINDS: dict[str, Any] = {
    "aws:ebs/volume:Volume": Kind(
        create_volume,
        delete_volume,
        lambda account, identifier: read_volume(account, identifier) is not None,
        update_volume,
        replaces=frozenset({"availabilityZone", "encrypted", "kmsKeyId", "snapshotId"}),
        read=read_volume,
    ),
    "aws:ec2/volumeAttachment:VolumeAttachment": Kind(create_use, delete_use),
}
