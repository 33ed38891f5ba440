"""What a stack sets on its machine beside its apps, as a component: set after the delivery, and taken back with it."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Collection, Sequence

import pulumi
import pulumi_command as command

from infra.deployment import commands, settled
from infra.deployment.deployment import Deployment
from infra.deployment.on_machine import DIALS
from infra.machines.contract import Machine
from infra.protocol import timeouts


class StackPart(pulumi.ComponentResource):
    """A part of a machine that is the stack's own, and no app's.

    It follows the delivery of the apps, for the agent is installed then, and before the release.
    """

    def _set(
        self,
        name: str,
        machine: Machine,
        after: Collection[Deployment],
        *,
        line: str,
        stdin: pulumi.Output[str],
        undo: str,
        lock_timeout: float,
    ) -> None:
        """Declare the commands.

        Args:
            name: The name of the one that sets it.
            machine: The machine.
            after: The deployments to it.
            line: Sets it; it may be run again.
            stdin: What that reads.
            undo: Takes it back.
            lock_timeout: Seconds to wait for the machine's lock.
        """
        longest = f"{math.ceil(lock_timeout + timeouts.PREPARE)}s"
        delivered = [each.delivered for each in after]

        def options(depends_on: Awaitable[list[pulumi.Resource]]) -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(
                parent=self,
                custom_timeouts=pulumi.CustomTimeouts(create=longest, update=longest, delete=longest),
                deleted_with=machine.resource,
                depends_on=pulumi.Output.from_input(depends_on),
            )

        connection = machine.ssh.connection(DIALS)
        # Of its own, before anything is set, so that what failed is taken back, too; and without triggers: what is
        # replaced is deleted. It is never skipped: it would still refer to an app that is taken out.
        undone = command.remote.Command(
            f"{self.pulumi_resource_name}-undo",
            connection=connection,
            delete=undo,
            add_previous_output_in_env=False,
            opts=options(settled.made(delivered)),
        )
        applied = command.remote.Command(
            name,
            connection=connection,
            create=line,
            update=line,
            stdin=stdin,
            add_previous_output_in_env=False,
            opts=options(_agent(undone, delivered)),
        )
        applied.stdout.apply(self._warn)
        self.register_outputs({})

    def _warn(self, output: str) -> None:
        for text in commands.warnings(output):
            pulumi.log.warn(text, self)


def program_of(after: Collection[Deployment]) -> str:
    """The digest of the agent that the deployments bring, so that a step runs again when the agent changes."""
    return next((each.program for each in after), "")


async def _agent(undone: pulumi.Resource, delivered: Sequence[pulumi.Resource]) -> list[pulumi.Resource]:
    """What has to be there before anything is set: it is skipped where no app brought the agent."""
    return [undone, *(() if await settled.made(delivered) else delivered)]
