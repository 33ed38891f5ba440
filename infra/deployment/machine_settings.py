"""What a stack wants of the machine itself (SSH, updates, clock, journal, swap, kernel, people), as a component."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection

import pulumi
import pulumi_command as command

from infra.deployment import commands
from infra.deployment.deployment import Deployment
from infra.deployment.on_machine import DIALS
from infra.machines.contract import Machine
from infra.protocol import codec, timeouts
from infra.protocol.machine_settings import SettingsSpec


class MachineSettings(pulumi.ComponentResource):
    """A machine that is set up as the stack wants it.

    It follows the delivery of the apps, for the agent is installed then, and before the release. git, which delivers,
    tries a connection once: sshd, which reads its settings anew, refuses connections for an instant. The steps of a
    release try again.
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
        longest = f"{math.ceil(spec.lock_timeout + timeouts.PREPARE)}s"
        options = pulumi.ResourceOptions(
            parent=self,
            custom_timeouts=pulumi.CustomTimeouts(create=longest, update=longest, delete=longest),
            deleted_with=machine.resource,
        )
        connection = machine.ssh.connection(DIALS)
        # Of its own, before anything is set, so that settings that failed are taken back, too; and without triggers:
        # what is replaced is deleted.
        undo = command.remote.Command(
            f"{name}-undo",
            connection=connection,
            delete=commands.remove_settings(spec.owner, machine.ssh.sudo),
            add_previous_output_in_env=False,
            opts=_after(options, [each.delivered for each in after]),
        )
        program = next((each.program for each in after), "")
        applied = command.remote.Command(
            f"{name}-settings",
            connection=connection,
            create=commands.settings(machine.ssh.sudo),
            update=commands.settings(machine.ssh.sudo),
            stdin=pulumi.Output.from_input(machine.instance_id).apply(
                lambda instance: codec.text(dataclasses.replace(spec, instance=instance, program=program))
            ),
            add_previous_output_in_env=False,
            opts=_after(options, [undo]),
        )
        applied.stdout.apply(self._warn)
        self.register_outputs({})

    def _warn(self, output: str) -> None:
        for text in commands.warnings(output):
            pulumi.log.warn(text, self)


def set_up(machine: Machine, spec: SettingsSpec, after: Collection[Deployment]) -> MachineSettings | None:
    """Have the machine set up as the stack wants it; None, and no resource, where it wants nothing.

    Args:
        machine: The machine.
        spec: What the stack wants of it.
        after: The deployments to it.
    """
    return None if spec.is_empty() else MachineSettings("system", machine, spec, after)


def _after(options: pulumi.ResourceOptions, resources: list[pulumi.Resource]) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(depends_on=resources))
