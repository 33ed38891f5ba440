"""The machine that the settings ask for."""

from __future__ import annotations

from infra.machines.contract import Machine
from infra.settings import Settings


def launch(settings: Settings) -> Machine:
    """Declare the machine of the configured kind, behind the contract that all kinds share.

    Each kind is imported when it is asked for: pulumi-aws alone takes a quarter of a second.
    """
    if settings.machine == "ec2":
        from infra.machines.ec2.launch import launch_ec2  # noqa: PLC0415

        return launch_ec2(settings)
    from infra.machines.embedded.machine import EmbeddedArgs, EmbeddedMachine  # noqa: PLC0415

    return EmbeddedMachine(
        "machine",
        EmbeddedArgs(
            cpus=settings.cpus or None, memory=settings.memory, disk=settings.disk, firewall=settings.firewall
        ),
    ).machine
