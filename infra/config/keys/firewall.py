"""The keys of the machine's firewall: the networks that may reach the apps and SSH, and further ports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from infra.config import readers
from infra.config import rules as port_rules
from infra.config.key import Keys, key


@dataclass(frozen=True, kw_only=True)
class FirewallKeys(Keys):
    """The networks that may reach the machine's apps and its SSH, and further ports that it opens."""

    title: ClassVar[str] = "Firewall"

    web_cidrs: tuple[str, ...] = key(
        readers.cidrs,
        default='["0.0.0.0/0", "::/0"]',
        description="Networks that may reach the app's public ports.",
        example='["203.0.113.0/24"]',
        also=("http_cidrs", "allow", "allowed_cidrs"),
    )
    ssh_cidrs: tuple[str, ...] = key(
        readers.cidrs,
        default="[]",
        description="Networks that may reach SSH. Empty, on the embedded machine: only this computer.",
        example='["203.0.113.7/32"]',
        also=("ssh_cidr", "ssh_from"),
    )
    ssh_from_anywhere: bool = key(
        readers.flag,
        default="false",
        description="true allows networks wider than a /8 in ssh_cidrs.",
    )
    rules: tuple[port_rules.OpenPorts, ...] = key(
        port_rules.read,
        default="[]",
        description="""Additional ports to open, as a list of maps: port (or from_port and to_port), protocol (tcp or
            udp), cidr, description.""",
        example='[{"port": 9000, "cidr": "203.0.113.0/24", "description": "metrics"}]',
        also=("ports", "firewall", "firewall_rules", "security_group_rules"),
    )
