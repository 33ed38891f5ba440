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
    return [warning for instance in instances for warning in replacements(args, blueprint, instance)]


def replacements(args: LightsailArgs, blueprint: str, instance: Mapping[str, Any]) -> list[str]:
    """What replaces an instance. Lightsail changes none of this in place."""
    changes = [
        ("bundle", instance["bundleId"], args.bundle),
        ("blueprint", instance["blueprintId"], blueprint or instance["blueprintId"]),
        ("zone", instance["location"]["availabilityZone"], zone_of(args)),
    ]
    means = (
        "; address and data disk move to the new machine, for which the old one stops; some minutes without the app. "
        "What is elsewhere on the old machine's disk is lost"
        if args.data_disk
        else " by a new machine with an empty disk: what the app keeps in $DATA_DIR is LOST, as "
        "launchpad:lightsail.data_disk is 0; it keeps the address"
    )
    return [
        f"{instance['name']} changes its {what} from {old} to {new} and will be REPLACED{means}"
        for what, old, new in changes
        if old != new
    ]
