"""The Lightsail machine kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.config.settings import Settings
from infra.machines.firewall import Firewall
from infra.machines.kind import Kind
from infra.machines.lightsail.settings import LightsailKeys, region_given, ssh_reachable, zone_in_region

if TYPE_CHECKING:
    from infra.machines.contract import Machine
    from infra.machines.held_disks import DataDisks


def launch(name: str, settings: Settings, firewall: Firewall) -> Machine:
    """Declare the machine. Imports pulumi-aws only now, as that takes a quarter of a second."""
    from infra.machines.lightsail.launch import launch_lightsail  # noqa: PLC0415 - late, see above

    return launch_lightsail(name, settings.of(LightsailKeys), firewall, settings.on_destroy)


def place(settings: Settings) -> dict[str, str]:
    """Where the machine is."""
    keys = settings.of(LightsailKeys)
    return {"lightsail.region": keys.region, "lightsail.zone": keys.zone or f"{keys.region}a"}


def disks() -> DataDisks:
    """What knows the disks that stacks have left."""
    from infra.machines.aws.held import RegionsDisks  # noqa: PLC0415 - late: few commands need it
    from infra.machines.lightsail import left_disks  # noqa: PLC0415

    return RegionsDisks("lightsail", left_disks.listed, left_disks.adopt, left_disks.target)


KIND = Kind(
    name="lightsail",
    description="a VPS on AWS at a fixed price a month",
    keys=LightsailKeys,
    checks=(region_given, zone_in_region, ssh_reachable),
    launch=launch,
    launched_by="infra.machines.lightsail.launch",
    plugins=("aws",),
    place=place,
    on_destroy=("delete", "keep", "snapshot"),
    disks=disks,
)
