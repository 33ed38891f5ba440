"""What a stack wants of the machine itself (SSH, updates, clock, journal, swap, kernel, people), as a component."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import pulumi

from infra.deployment import commands
from infra.deployment.deployment import Deployment
from infra.deployment.stack_part import StackPart, program_of
from infra.machines.contract import Machine
from infra.protocol import codec
from infra.protocol.machine_settings import SettingsSpec


class MachineSettings(StackPart):
    """A machine that is set up as the stack wants it.

    git, which delivers the apps, tries a connection once: sshd, which reads its settings anew, refuses connections for
    an instant. The steps of a release try again.
    """

    def __init__(
        self,
        name: str,
        machine: Machine,
        spec: SettingsSpec,
        after: Collection[Deployment],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("launchpad:infra:MachineSettings", name, {}, opts)
        program = program_of(after)
        self._set(
            f"{name}-settings",
            machine,
            after,
            line=commands.settings(machine.ssh.sudo),
            stdin=pulumi.Output.from_input(machine.instance_id).apply(
                lambda instance: codec.text(dataclasses.replace(spec, instance=instance, program=program))
            ),
            undo=commands.remove_settings(spec.owner, machine.ssh.sudo),
            lock_timeout=spec.lock_timeout,
        )


def set_up(machine: Machine, spec: SettingsSpec, after: Collection[Deployment]) -> MachineSettings | None:
    """Have the machine set up as the stack wants it; None, and no resource, where it wants nothing.

    Args:
        machine: The machine.
        spec: What the stack wants of it.
        after: The deployments to it.
    """
    return None if spec.is_empty() else MachineSettings("system", machine, spec, after)
