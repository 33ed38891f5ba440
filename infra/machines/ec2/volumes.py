"""The EBS volume with a stack's data: which one is there, and what the config would do to it."""

from __future__ import annotations

from infra.machines.aws import session
from infra.machines.aws.answers import Client
from infra.machines.aws.data_disk import DataDisk, only, tags

DEVICE = "/dev/sdf"
"""What AWS calls the device of the attachment; the machine's kernel names it otherwise."""


def find(region: str, owner: dict[str, str], machine: str, client: Client = session.client) -> DataDisk | None:
    """Find the machine's data disk by its tags.

    Args:
        region: The machine's region.
        owner: The tags of the stack's own resources.
        machine: The name of the machine's component.
        client: Creates a boto3 client.

    Raises:
        Refused: Several volumes have the tags.
    """
    filters = [{"Name": f"tag:{name}", "Values": [value]} for name, value in {**owner, **tags(machine)}.items()]
    filters.append({"Name": "status", "Values": ["creating", "available", "in-use"]})
    pages = client("ec2", region).get_paginator("describe_volumes").paginate(Filters=filters)
    found = [
        DataDisk(
            id=each["VolumeId"],
            size=each["Size"],
            zone=each["AvailabilityZone"],
            attached=bool(each.get("Attachments")),
            created=f"{each['CreateTime']:%Y-%m-%d}",
        )
        for page in pages
        for each in page["Volumes"]
    ]
    return only(found)
