"""The data disk of a Lightsail machine as resources: a disk that outlives the machine, its attachment, and its end."""

from __future__ import annotations

import pulumi
from pulumi_aws import lightsail

from infra.machines.aws import zone as zones
from infra.machines.aws.data_disk import tags
from infra.machines.aws.scope import Scope
from infra.machines.lightsail import disks, plan
from infra.machines.lightsail.last_snapshot import LastSnapshot
from infra.machines.lightsail.plan import LightsailArgs

HELD = ("sizeInGb", "availabilityZone")
"""What a disk keeps, whatever the program says: another value would replace it by an empty one."""

TAKEN_OVER = ("name", "tags", "tagsAll")
"""What a disk that is taken over keeps for that run besides: Pulumi imports only what is as the program says."""


def make(scope: Scope, args: LightsailArgs, zone: str) -> lightsail.Disk:
    """Create the machine's disk, or take over the one that is there.

    Args:
        scope: Names and options.
        args: The planned machine.
        zone: The machine's availability zone.
    """
    found = args.data_disk_found
    taken_over = found is not None and not found.attached
    return lightsail.Disk(
        scope.name("data"),
        availability_zone=zone,
        size_in_gb=args.data_disk,
        tags=scope.name_tag("data") | tags(scope.prefix),
        opts=scope.options(
            ignore_changes=[*HELD, *(TAKEN_OVER if taken_over else ())],
            # of a disk that the state has already this changes nothing
            import_=found.id if found and taken_over else None,
            retain_on_delete=args.on_destroy == "keep",
        ),
    )


def beside(scope: Scope, disk: lightsail.Disk, zone: str) -> pulumi.Output[str]:
    """The machine's zone, once it is certain that the disk is in it."""
    return zones.beside(scope, zone, key=plan.ZONE, zone=zone, placed=disk.availability_zone)


def end(scope: Scope, args: LightsailArgs, disk: lightsail.Disk) -> LastSnapshot:
    """What is done when the disk is deleted, which Lightsail cannot do by itself: a snapshot, if that is asked for."""
    return LastSnapshot(
        scope.name("data-end"),
        disk.name,
        args.region,
        pulumi.ResourceOptions(parent=scope.parent),
        wanted=args.on_destroy == "snapshot",
    )


def attach(
    scope: Scope, disk: lightsail.Disk, instance: lightsail.Instance, last: LastSnapshot
) -> lightsail.Disk_attachment:
    """Attach the disk. The old instance stops and lets go of it before the new one takes it: a disk has one user.

    Args:
        scope: Names and options.
        disk: The disk.
        instance: The instance.
        last: What is done after the disk was detached for good.
    """
    return lightsail.Disk_attachment(
        scope.name("data-use"),
        disk_name=disk.name,
        instance_name=instance.name,
        disk_path=disks.PATH,
        opts=scope.options(delete_before_replace=True, depends_on=[last]),
    )


def places(disk: lightsail.Disk, attachment: lightsail.Disk_attachment) -> pulumi.Output[str]:
    """Where the machine sees the disk, known when it is attached."""
    return pulumi.Output.all(disk.support_code, attachment.disk_path).apply(
        lambda values: disks.devices(values[0] or "")
    )
