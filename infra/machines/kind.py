"""A machine kind: its keys, its checks, its firewall defaults, and how to declare a machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.config.schema import Section
from infra.config.settings import Settings
from infra.machines.firewall import Firewall, plan
from infra.ssh import PORT

if TYPE_CHECKING:  # importing it takes Pulumi's quarter of a second
    from infra.machines.contract import Machine
    from infra.machines.held_disks import DataDisks

Launch = Callable[[str, Settings, Firewall], "Machine"]


@dataclass(frozen=True)
class Kind(Section):
    """A machine kind. ``infra/machines/registry.py`` lists them all."""

    launch: Launch
    """Declares a machine: takes the resource's name, the settings and the firewall.

    It imports its dependencies when it is called, because importing pulumi-aws alone takes a quarter of a second.
    """

    launched_by: str = ""
    """The module that ``launch`` imports. A program imports it before that, while it waits for git."""

    plugins: tuple[str, ...] = ()
    """The names of the Pulumi plugins that it needs, besides ``command``."""

    local: bool = False
    """Whether it runs on this computer, which then needs root access, a base image and disk space."""

    given: bool = False
    """Whether the machine is there already, so that stacks with the same settings have the same one."""

    ssh_cidrs: tuple[str, ...] = ()
    """The networks that may reach SSH if a stack sets none."""

    ssh_port: Callable[[Settings], int] = lambda _: PORT
    """The port of a machine's SSH."""

    place: Callable[[Settings], Mapping[str, str]] = lambda _: {}
    """The settings of where the machine is, by their keys: its disk for data does not go over to another place."""

    lacks: Callable[[Settings], str] = lambda _: ""
    """What this computer lacks to reach a machine of the kind, as a sentence; empty: nothing that can be told here."""

    disks: Callable[[], DataDisks] | None = None
    """What knows the disks for data that stacks have left; None: the data is on the machine itself.

    It is asked for late, like ``launch``.
    """

    def firewall(self, settings: Settings) -> Firewall:
        """The firewall that the settings ask for, for a machine of this kind."""
        return plan(
            settings.public_ports,
            settings.web_cidrs,
            settings.ssh_cidrs or self.ssh_cidrs,
            settings.rules,
            self.ssh_port(settings),
        )
