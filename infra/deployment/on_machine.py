"""The first steps on every machine, as resources: wait until SSH answers, and bring the agent."""

from __future__ import annotations

import pulumi
import pulumi_command as command

from infra import local
from infra.deployment import bundle, commands
from infra.machines.contract import Machine

DIALS = 10
"""Number of attempts to connect in each step. Only the first one waits for a new machine."""
FIRST_DIALS = 5
"""The same in the first step, for a machine that the program did not make: it is there, or the settings are wrong."""


def wait_for_ssh(name: str, machine: Machine, opts: pulumi.ResourceOptions) -> command.remote.Command:
    """Wait for the machine: once, for everything else that happens there depends on it.

    Args:
        name: The resource's name.
        machine: The machine.
        opts: With timeouts that suffice for a machine to start.
    """
    line = commands.wait_for_ssh(machine.ssh.user, owned=machine.resource is not None)
    return command.remote.Command(
        name,
        connection=machine.ssh.connection(dial_error_limit=-1 if machine.resource else FIRST_DIALS),
        create=line,
        update=line,
        triggers=[machine.instance_id, machine.boot_id],
        add_previous_output_in_env=False,
        opts=opts,
    )


def copy_agent(
    name: str, machine: Machine, file: str, opts: pulumi.ResourceOptions
) -> tuple[command.remote.CopyToRemote, str]:
    """Copy the agent to the machine.

    Args:
        name: The resource's name.
        machine: The machine.
        file: The agent's file in the SSH user's home directory; one for each user of it, as another may copy its own.
        opts: With a dependency on ``wait_for_ssh``.

    Returns:
        The resource, and the agent's digest.
    """
    path, digest = bundle.write(local.build_folder())
    copied = command.remote.CopyToRemote(
        name,
        connection=machine.ssh.connection(DIALS),
        source=pulumi.FileAsset(str(path)),  # the path does not matter: Pulumi compares assets by content
        remote_path=file,
        triggers=[machine.instance_id],
        opts=opts,
    )
    return copied, digest
