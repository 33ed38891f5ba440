"""The backups of a stack's apps, as a component."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import pulumi

from infra.deployment import commands
from infra.deployment.deployment import Deployment
from infra.deployment.stack_part import StackPart, program_of
from infra.machines.contract import Machine
from infra.protocol import codec
from infra.protocol.backups import BackupSpec


class Backups(StackPart):
    """A machine that backs up what the stack's apps keep. Without it the timers go and the repository stays."""

    def __init__(
        self,
        name: str,
        machine: Machine,
        spec: BackupSpec,
        after: Collection[Deployment],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("launchpad:infra:Backups", name, {}, opts)
        program = program_of(after)
        self._set(
            f"{name}-backups",
            machine,
            after,
            line=commands.backups(machine.ssh.sudo),
            stdin=pulumi.Output.secret(machine.instance_id).apply(
                lambda instance: codec.text(dataclasses.replace(spec, instance=instance, program=program))
            ),
            undo=commands.remove_backups(spec.owner, machine.ssh.sudo),
            lock_timeout=spec.lock_timeout,
        )


def back_up(machine: Machine, spec: BackupSpec | None, after: Collection[Deployment]) -> Backups | None:
    """Have the stack's apps backed up; None, and no resource, where it wants no backups.

    Args:
        machine: The machine.
        spec: What the stack wants.
        after: The deployments to the machine.
    """
    return Backups("data", machine, spec, after) if spec else None
