"""A machine's firewall as data: it denies what no rule allows. Each kind of machine enforces it in its own way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from infra.config.rules import OpenPorts
from infra.protocol.firewall import Rule, RuleData
from infra.ssh import PORT

ANYWHERE = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True)
class Firewall:
    """The rules of one machine; what no rule allows is denied."""

    rules: tuple[Rule, ...]

    managed: bool = True
    """Whether the rules are set up for the machine; otherwise it has a firewall that the program does not know."""

    on_machine: bool = False
    """Whether they are set up on the machine itself, by the agent; otherwise by what made the machine."""

    def as_data(self) -> list[RuleData]:
        """The rules in a stable order, so that reordering config changes nothing."""
        return [rule.as_data() for rule in sorted(self.rules)]

    def is_open_to_all(self, port: int) -> bool:
        """Whether a TCP port is open to every IPv4 or every IPv6 address."""
        return any(
            rule.direction == "ingress"
            and rule.protocol in ("tcp", "all")
            and rule.cidr in ANYWHERE
            and (rule.protocol == "all" or rule.from_port <= port <= rule.to_port)
            for rule in self.rules
        )


UNMANAGED = Firewall((), managed=False)
"""The firewall of a machine that somebody else looks after, or none."""


def plan(
    web_ports: tuple[int, ...],
    web_cidrs: tuple[str, ...],
    ssh_cidrs: tuple[str, ...],
    extra: Iterable[OpenPorts] = (),
    ssh_port: int = PORT,
) -> Firewall:
    """Plan the firewall of a web server: its public ports, SSH, additional ports, and all outgoing traffic.

    Args:
        web_ports: The public ports.
        web_cidrs: The networks that may reach them.
        ssh_cidrs: The networks that may reach SSH; empty: none.
        extra: Additional ports to open.
        ssh_port: The port of SSH.
    """
    web = [Rule("ingress", "tcp", port, port, cidr, f"app on port {port}") for port in web_ports for cidr in web_cidrs]
    ssh = [Rule("ingress", "tcp", ssh_port, ssh_port, cidr, "SSH for deployments") for cidr in ssh_cidrs]
    more = [
        Rule("ingress", ports.protocol, ports.from_port, ports.to_port, ports.cidr, ports.description)
        for ports in extra
    ]
    out = [Rule("egress", "all", 0, 0, cidr, "package registries, git, the app's own calls") for cidr in ANYWHERE]
    return Firewall(tuple(dict.fromkeys([*web, *ssh, *more, *out])))
