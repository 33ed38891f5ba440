"""The backups of a stack's apps, as a component."""

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
from infra.protocol.backups import BackupSpec


class Backups(pulumi.ComponentResource):
    """A machine that backs up what the stack's apps keep.

    It follows the delivery of the apps, for the agent is installed then, and before the release. Without it the timers
    go and the repository stays.
    """

    def __init__(
        self,
        name: str,
        machine: Machine,
        spec: BackupSpec,
        after: Collection[Deployment],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("launchpad:infra:Backups", name, {}, opts)
        longest = f"{math.ceil(spec.lock_timeout + timeouts.PREPARE)}s"
        options = pulumi.ResourceOptions(
            parent=self,
            custom_timeouts=pulumi.CustomTimeouts(create=longest, update=longest, delete=longest),
            deleted_with=machine.resource,
        )
        connection = machine.ssh.connection(DIALS)
        # Of its own, before anything is set up, so that what failed is taken back, too.
        undo = command.remote.Command(
            f"{name}-undo",
            connection=connection,
            delete=commands.remove_backups(spec.owner, machine.ssh.sudo),
            add_previous_output_in_env=False,
            opts=_after(options, [each.delivered for each in after]),
        )
        program = next((each.program for each in after), "")
        applied = command.remote.Command(
            f"{name}-backups",
            connection=connection,
            create=commands.backups(machine.ssh.sudo),
            update=commands.backups(machine.ssh.sudo),
            stdin=pulumi.Output.secret(machine.instance_id).apply(
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


def back_up(machine: Machine, spec: BackupSpec | None, after: Collection[Deployment]) -> Backups | None:
    """Have the stack's apps backed up; None, and no resource, where it wants no backups.

    Args:
        machine: The machine.
        spec: What the stack wants.
        after: The deployments to the machine.
    """
    return Backups("data", machine, spec, after) if spec else None


def _after(options: pulumi.ResourceOptions, resources: list[pulumi.Resource]) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(depends_on=resources))
