"""The firewall of a machine that the program did not make, set up on the machine itself, as a component."""

from __future__ import annotations

from dataclasses import replace

import pulumi

from infra.deployment import commands, on_machine
from infra.deployment.firewall_rules import FirewallRules
from infra.machines.contract import Machine

STARTING = pulumi.CustomTimeouts(create="10m", update="10m")
FILE = commands.agent_file("server.firewall")
"""The agent's copy for it. With the dot, no app has one of this name."""


class MachineFirewall(pulumi.ComponentResource):
    """A stack's rules on the firewall of a machine.

    Attributes:
        rules: The resource that has them confirmed.
    """

    rules: FirewallRules

    def __init__(self, name: str, machine: Machine, owner: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("launchpad:infra:MachineFirewall", name, {}, opts)

        def options(*after: pulumi.Resource) -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(parent=self, depends_on=list(after), custom_timeouts=STARTING)

        reached = on_machine.wait_for_ssh(f"{name}-wait-for-ssh", machine, options())
        copied, _ = on_machine.copy_agent(f"{name}-copy-agent", machine, FILE, options(reached))
        self.rules = FirewallRules(
            f"{name}-rules",
            owner=owner,
            firewall=machine.firewall,
            access=machine.ssh,
            file=FILE,
            triggers=[machine.instance_id],
            opts=options(copied),
        )
        self.register_outputs({})


def guarded(machine: Machine, owner: str = "") -> Machine:
    """The machine, with its firewall where that is to be set up on the machine itself.

    Args:
        machine: The machine.
        owner: Whose rules they are; empty: the project and the stack.
    """
    if not machine.firewall.on_machine:
        return machine
    owner = owner or f"{pulumi.get_project()}/{pulumi.get_stack()}"
    return replace(machine, needs=(*machine.needs, MachineFirewall("firewall", machine, owner).rules))
