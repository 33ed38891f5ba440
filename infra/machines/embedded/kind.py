"""The embedded machine kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.config.settings import Settings
from infra.machines.embedded.addresses import RANGE
from infra.machines.embedded.settings import EmbeddedKeys
from infra.machines.firewall import Firewall
from infra.machines.kind import Kind

if TYPE_CHECKING:
    from infra.machines.contract import Machine
    from infra.machines.held_disks import DataDisks

NETWORK = str(RANGE)
"""The network of this computer's own addresses on the links to embedded machines; nothing else can reach them."""


def launch(name: str, settings: Settings, firewall: Firewall) -> Machine:
    """Declare the machine. Imports Pulumi only now, as that takes a quarter of a second."""
    from infra.machines.embedded.machine import EmbeddedArgs, EmbeddedMachine  # noqa: PLC0415 - late, see above

    keys = settings.of(EmbeddedKeys)
    args = EmbeddedArgs(
        firewall=firewall,
        cpus=keys.cpus or None,
        memory=keys.memory,
        disk=keys.disk,
        data_disk=keys.data_disk,
        on_destroy=settings.on_destroy,
    )
    return EmbeddedMachine(name, args).machine


def disks() -> DataDisks:
    """What knows the disks for data."""
    from infra.machines.embedded.held import LocalDisks  # noqa: PLC0415 - late: few commands need it

    return LocalDisks()


KIND = Kind(
    name="embedded",
    description="a system container on this computer (Linux, root or sudo)",
    keys=EmbeddedKeys,
    checks=(),
    launch=launch,
    launched_by="infra.machines.embedded.machine",
    local=True,
    on_destroy=("delete", "keep", "snapshot"),
    unsaid="delete",
    ssh_cidrs=(NETWORK,),
    disks=disks,
)
