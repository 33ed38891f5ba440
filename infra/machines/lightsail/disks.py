"""The disk with a stack's data on Lightsail: which one is there, and how the machine knows it from others."""

from __future__ import annotations

import re

from infra.machines.aws import session
from infra.machines.aws.answers import Client
from infra.machines.aws.data_disk import DataDisk, device, only, tags
from infra.machines.aws.owner import is_ours

PATH = "/dev/xvdf"
"""Where Lightsail attaches the data disk. The machine's kernel names it so, unless its disks are NVMe devices."""

VOLUME = re.compile(r"[^/]+/(vol-[0-9a-f]{8,17})")
"""A disk's support code: the account that Lightsail has it in, and the id of the EBS volume that it is.

Source: the answers in the AWS CLI's reference of ``lightsail get-disk``.
"""

DOLLARS_A_GB = 0.10
"""What a disk costs a month for each GB, in US dollars. No API tells it. Source: aws.amazon.com/lightsail/pricing."""


def find(region: str, owner: dict[str, str], machine: str, client: Client = session.client) -> DataDisk | None:
    """Find the machine's data disk by its tags.

    Args:
        region: The machine's region.
        owner: The tags of the stack's own resources.
        machine: The name of the machine's component.
        client: Creates a boto3 client.

    Raises:
        Refused: Several disks have the tags.
    """
    pages = client("lightsail", region).get_paginator("get_disks").paginate()
    found = [
        DataDisk(
            id=each["name"],
            size=each["sizeInGb"],
            zone=each["location"]["availabilityZone"],
            attached=bool(each.get("isAttached")),
            created=f"{each['createdAt']:%Y-%m-%d}" if "createdAt" in each else "",
        )
        for page in pages
        for each in page["disks"]
        if is_ours(each.get("tags", []), owner | tags(machine))
    ]
    return only(found)


def devices(support_code: str) -> str:
    """The paths by which the machine may see the disk, the surest first; they name this disk and no other.

    Args:
        support_code: The disk's, which has the serial number of its NVMe device.
    """
    known = VOLUME.fullmatch(support_code)
    return f"{device(known[1])},{PATH}" if known else PATH


def price(size: int) -> str:
    """What a disk costs, as a sentence."""
    return f"The data disk of {size} GB costs ${size * DOLLARS_A_GB:.2f} a month (US dollars, before tax)"
