"""The machine that the settings ask for."""

from __future__ import annotations

from infra.machines.contract import Machine
from infra.machines.embedded.machine import EmbeddedArgs, EmbeddedMachine
from infra.settings import Settings


def launch(settings: Settings) -> Machine:
    """Declare the machine of the configured kind, behind the contract that all kinds share."""
    return EmbeddedMachine(
        "machine",
        EmbeddedArgs(cpus=settings.cpus or None, memory=settings.memory, firewall=settings.firewall),
    ).machine
