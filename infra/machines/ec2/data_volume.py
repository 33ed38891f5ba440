"""The data disk of an EC2 machine as resources: a volume that outlives the machine, and its attachment."""

from __future__ import annotations

import pulumi
from pulumi_aws import ebs, ec2

from infra.machines.aws.data_disk import tags
from infra.machines.aws.scope import Scope
from infra.machines.ec2 import snapshots, volumes
from infra.machines.ec2.plan import Ec2Args

HELD = ("availabilityZone", "snapshotId", "kmsKeyId")
"""What a volume keeps, whatever the program says: another value would replace it by an empty one."""

TAKEN_OVER = ("finalSnapshot", "iops", "size", "tags", "tagsAll", "throughput", "type")
"""What a volume that is taken over keeps for that run besides: Pulumi imports only what is as the program says."""


def make(scope: Scope, args: Ec2Args, zone: pulumi.Input[str]) -> ebs.Volume:
    """Create the machine's volume, or take over the one that is there.

    Args:
        scope: Names and options.
        args: The planned machine.
        zone: The machine's availability zone.
    """
    found = args.data_disk_found
    taken_over = found is not None and not found.attached
    return ebs.Volume(
        scope.name("data"),
        availability_zone=zone,
        encrypted=True,
        type="gp3",
        size=found.size if found and taken_over else args.data_disk,
        final_snapshot=True if args.on_destroy == "snapshot" else None,
        tags=scope.name_tag("data") | tags(scope.prefix) | snapshots.tag(scope, args),
        opts=scope.options(
            ignore_changes=[*HELD, *(TAKEN_OVER if taken_over else ())],
            # of a volume that the state has already this changes nothing
            import_=found.id if found and taken_over else None,
            retain_on_delete=args.on_destroy == "keep",
        ),
    )


def attach(scope: Scope, volume: ebs.Volume, instance: ec2.Instance) -> ec2.VolumeAttachment:
    """Attach the volume to the instance. A new instance gets it when the old one has stopped and let go of it."""
    return ec2.VolumeAttachment(
        scope.name("data-use"),
        device_name=volumes.DEVICE,
        instance_id=instance.id,
        volume_id=volume.id,
        # the file system is unmounted by the machine's own shutdown, so that nothing of it is lost
        stop_instance_before_detaching=True,
        # a volume has one user; Pulumi would attach it to the new instance first, and AWS refuse (pulumi-aws#2769)
        opts=scope.options(
            delete_before_replace=True,
            custom_timeouts=pulumi.CustomTimeouts(create="10m", delete="15m"),
        ),
    )
