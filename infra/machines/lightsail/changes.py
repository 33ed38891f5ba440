"""What a changed config does to the machine that is there; Pulumi shows a replacement, and not what is lost by it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from infra.machines.aws.owner import is_ours
from infra.machines.lightsail.plan import LightsailArgs, zone_of


def ours(lightsail: Any, owner: dict[str, str]) -> list[dict[str, Any]]:
    """The stack's own instances."""
    pages = lightsail.get_paginator("get_instances").paginate()
    return [each for page in pages for each in page["instances"] if is_ours(each.get("tags", []), owner)]


def warnings(args: LightsailArgs, blueprint: str, instances: Iterable[Mapping[str, Any]]) -> list[str]:
    """What the config changes about the machines that are there."""
    return [
        warning
        for instance in instances
        for warning in (*replacements(args, blueprint, instance), *disk_changes(args, data_disks(instance)))
    ]


def stuck(args: LightsailArgs, instances: Iterable[Mapping[str, Any]]) -> list[str]:
    """Why a machine cannot move to another zone. Returns problems, one line each."""
    return [
        f"launchpad:lightsail.zone is {zone_of(args)}, but the data disk {disk['name']} is in {placed} and cannot "
        f"move; set the zone to {placed}"
        for instance in instances
        for placed in (instance["location"]["availabilityZone"],)
        for disk in data_disks(instance)
        if args.data_disk and placed != zone_of(args)
    ]


def data_disks(instance: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The disks of an instance besides its own."""
    return [each for each in instance.get("hardware", {}).get("disks", []) if not each.get("isSystemDisk")]


def replacements(args: LightsailArgs, blueprint: str, instance: Mapping[str, Any]) -> list[str]:
    """What replaces an instance. Lightsail changes none of this in place."""
    changes = [
        ("bundle", instance["bundleId"], args.bundle),
        ("blueprint", instance["blueprintId"], blueprint or instance["blueprintId"]),
        ("zone", instance["location"]["availabilityZone"], zone_of(args)),
    ]
    return [
        f"{instance['name']} changes its {what} from {old} to {new} and will be REPLACED by a new machine with an "
        "empty disk; it keeps the address"
        for what, old, new in changes
        if old != new
    ]


def disk_changes(args: LightsailArgs, disks: Iterable[Mapping[str, Any]]) -> list[str]:
    """What becomes of the data disk."""
    told = []
    for disk in disks:
        if not args.data_disk:
            told.append(
                f"launchpad:lightsail.data_disk is 0: the disk {disk['name']} of {disk['sizeInGb']} GB will be "
                "DELETED with all that is on it, and the machine stops and starts for that"
            )
        elif disk["sizeInGb"] != args.data_disk:
            told.append(
                f"launchpad:lightsail.data_disk is {args.data_disk}G, but the disk {disk['name']} keeps "
                f"its {disk['sizeInGb']} GB: Lightsail cannot resize a disk, and a new one would be empty"
            )
    return told
