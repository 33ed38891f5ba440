"""The EC2 machine kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.config.settings import Settings
from infra.machines.ec2.settings import (
    Ec2Keys,
    network_whole,
    rds_not_kept,
    rds_placed,
    rds_secret_closed,
    region_given,
    snapshots_of_a_disk,
    ssh_reachable,
    wants_rds,
)
from infra.machines.firewall import Firewall
from infra.machines.kind import Kind
from infra.protocol.database import POSTGRES, RDS

if TYPE_CHECKING:
    from infra.machines.contract import Machine
    from infra.machines.held_disks import DataDisks


def launch(name: str, settings: Settings, firewall: Firewall) -> Machine:
    """Declare the machine. Imports pulumi-aws only now, as that takes a quarter of a second."""
    from infra.machines.ec2.launch import launch_ec2  # noqa: PLC0415 - late, see above

    return launch_ec2(name, settings.of(Ec2Keys), firewall, settings.on_destroy, with_rds=wants_rds(settings))


def place(settings: Settings) -> dict[str, str]:
    """Where the machine is."""
    keys = settings.of(Ec2Keys)
    return {"ec2.region": keys.region, "ec2.vpc_id": keys.vpc_id, "ec2.subnet_id": keys.subnet_id}


def disks() -> DataDisks:
    """What knows the volumes that stacks have left."""
    from infra.machines.aws.held import RegionsDisks  # noqa: PLC0415 - late: few commands need it
    from infra.machines.ec2 import left_volumes  # noqa: PLC0415

    return RegionsDisks("ec2", left_volumes.listed, left_volumes.adopt, left_volumes.target)


KIND = Kind(
    name="ec2",
    description="an instance on AWS",
    keys=Ec2Keys,
    checks=(
        region_given,
        ssh_reachable,
        network_whole,
        snapshots_of_a_disk,
        rds_placed,
        rds_not_kept,
        rds_secret_closed,
    ),
    launch=launch,
    launched_by="infra.machines.ec2.launch",
    plugins=("aws",),
    place=place,
    on_destroy=("delete", "keep", "snapshot"),
    disks=disks,
    databases=(POSTGRES, RDS),
)
