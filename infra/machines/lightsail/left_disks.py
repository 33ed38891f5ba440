"""Disks and snapshots that stacks have left on Lightsail, and how one becomes the data disk of a next machine."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

from infra.machines.aws import session
from infra.machines.aws.answers import Client, code_of
from infra.machines.aws.data_disk import Refused, moved
from infra.machines.aws.left import Left, Target, check, stack_of
from infra.machines.aws.owner import owner_tags
from infra.machines.held_disks import MACHINE, Seeker
from infra.machines.lightsail import disks
from infra.machines.lightsail.plan import ZONE

GONE = "NotFoundException"
PAUSE, TIMEOUT = 5.0, 900.0
"""Seconds between two questions, and that a disk may take to be made."""


def target(seeker: Seeker, region: str) -> Target:
    """Where a stack's settings put its machine."""
    zone = seeker.setting("lightsail.zone") or f"{region}a"
    return Target(region, owner_tags(seeker.project, seeker.stack), MACHINE, zone=zone)


def listed(region: str, client: Client = session.client) -> list[Left]:
    """The disks and the snapshots of a region that have the tags of a stack's data disk.

    Args:
        region: The region.
        client: Creates a boto3 client.
    """
    lightsail = client("lightsail", region)
    found = []
    for page in lightsail.get_paginator("get_disks").paginate():
        for each in page["disks"]:
            if stack := stack_of(each.get("tags", [])):
                state = f"in use by {each.get('attachedTo')}" if each.get("isAttached") else "free"
                place = each["location"]["availabilityZone"]
                found.append(Left(each["name"], "disk", each["sizeInGb"], stack, state, place))
    for page in lightsail.get_paginator("get_disk_snapshots").paginate():
        for each in page["diskSnapshots"]:
            state, stack = f"taken on {each['createdAt']:%Y-%m-%d}", stack_of(each.get("tags", []))
            found.append(Left(each["name"], "snapshot", each["sizeInGb"], stack or "?", state, region))
    return found


def adopt(
    target: Target, source: str, client: Client = session.client, sleep: Callable[[float], None] = time.sleep
) -> str:
    """Give a disk, or one that is made of a snapshot, the tags by which the stack's next ``up`` takes it over.

    Args:
        target: The stack.
        source: The name of the disk or the snapshot.
        client: Creates a boto3 client.
        sleep: Waits for a number of seconds.

    Returns:
        The disk's name.

    Raises:
        Refused: It cannot be had.
    """
    lightsail = client("lightsail", target.region)
    own = disks.find(target.region, dict(target.owner), target.machine, client)
    tags = [{"key": name, "value": value} for name, value in target.tags().items()]
    if disk := _found(lightsail.get_disk, "disk", diskName=source):
        attached = str(disk.get("attachedTo", "another machine")) if disk.get("isAttached") else ""
        wrong_zone = moved(ZONE, target.zone, disk["location"]["availabilityZone"])
        check(source, own, attached=attached, wrong_zone=wrong_zone)
        lightsail.tag_resource(resourceName=source, tags=tags)
        return source
    snapshot = _found(lightsail.get_disk_snapshot, "diskSnapshot", diskSnapshotName=source)
    if not snapshot:
        raise Refused(f"{target.region} has no disk and no snapshot {source}. See them: launchpad data list")
    check(source, own)
    if snapshot["state"] != "completed":
        raise Refused(f"{source} is {snapshot['state']}, not completed; try again later")
    name = f"{source}-{secrets.token_hex(3)}"
    lightsail.create_disk_from_snapshot(
        diskName=name,
        diskSnapshotName=source,
        availabilityZone=target.zone,
        sizeInGb=snapshot["sizeInGb"],
        tags=tags,
    )
    until = time.monotonic() + TIMEOUT
    while (made := _found(lightsail.get_disk, "disk", diskName=name)) is None or made["state"] != "available":
        if time.monotonic() > until:
            raise Refused(f"the disk {name} is not ready yet; it has the stack's tags, and its next up takes it over")
        sleep(PAUSE)
    return name


def _found(ask: Any, what: str, **named: str) -> dict[str, Any] | None:
    """What Lightsail has of that name; None if there is nothing."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - slow, and only machines on AWS need it

    try:
        found: dict[str, Any] = ask(**named)[what]
    except ClientError as error:
        if code_of(error) == GONE:
            return None
        raise
    return found
