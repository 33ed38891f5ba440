"""The machine kinds by name. To add a kind, write a module that declares it and add a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.config.key import declared
from infra.config.settings import Settings
from infra.machines.ec2 import kind as ec2
from infra.machines.embedded import kind as embedded
from infra.machines.kind import Kind
from infra.machines.lightsail import kind as lightsail
from infra.machines.server import kind as server

if TYPE_CHECKING:  # importing it takes Pulumi's quarter of a second
    from infra.machines.contract import Machine

KINDS: dict[str, Kind] = {
    "embedded": embedded.KIND,
    "ec2": ec2.KIND,
    "lightsail": lightsail.KIND,
    "server": server.KIND,
}

DEFAULT = declared(Settings)["machine"].default
"""The machine kind of a stack that does not set one."""


def is_local(kind: str) -> bool:
    """Whether machines of a kind run on this computer; False for an unknown kind."""
    return kind in KINDS and KINDS[kind].local


def is_given(kind: str) -> bool:
    """Whether stacks with the same settings have the same machine; False for an unknown kind."""
    return kind in KINDS and KINDS[kind].given


def launch(name: str, settings: Settings) -> Machine:
    """Declare the machine that the settings ask for.

    Args:
        name: The name of its resource.
        settings: The stack's settings.

    Raises:
        pulumi.RunError: It cannot be created; raised before any resource is.
    """
    kind = KINDS[settings.machine]
    return kind.launch(name, settings, kind.firewall(settings))
