"""The resources of a Lightsail machine as data: pure, so that it can be read, tested and reviewed without AWS."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infra.machines.aws.data_disk import DataDisk
from infra.machines.aws.owner import owner_tags
from infra.machines.firewall import ANYWHERE, Firewall
from infra.machines.lightsail.settings import DEFAULTS
from infra.protocol.firewall import Rule
from infra.protocol.on_destroy import OnDestroy

if TYPE_CHECKING:  # pure otherwise
    import pulumi

ZONE = "launchpad:lightsail.zone"
"""The key that decides the machine's zone."""


class Inexpressible(Exception):
    """Lightsail's firewall cannot do what the rules ask for."""


@dataclass(frozen=True)
class LightsailArgs:
    """The arguments of a Lightsail machine."""

    region: str
    firewall: Firewall
    zone: str = ""
    """The availability zone; empty: the region's zone a."""

    bundle: str = DEFAULTS.bundle
    blueprint: pulumi.Input[str] = ""
    """The image; empty: Debian, as ``blueprint.choose`` has it when the machine is created, kept from then on."""

    snapshots: str = ""
    """The hour of automatic snapshots, such as ``03:00`` (UTC); empty: none."""

    data_disk: int = DEFAULTS.data_disk
    """Size of the data disk in GB, which outlives the machine and keeps its size; 0: none."""

    data_disk_found: DataDisk | None = None
    """The stack's data disk that is there already (``disks.find``); one that is not attached is taken over."""

    tags: dict[str, str] = field(default_factory=dict)
    on_destroy: OnDestroy = ""
    """What becomes of the data when the machine is destroyed; empty: it is deleted."""


@dataclass(frozen=True)
class OpenPort:
    """A range of ports and who may reach it, at least one network: Lightsail opens a range without any to everybody."""

    protocol: str
    from_port: int
    to_port: int
    cidrs: tuple[str, ...]
    ipv6_cidrs: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """Everything that the component creates, except for values that only AWS knows."""

    zone: str
    ports: tuple[OpenPort, ...]
    ip_address_type: str
    """``ipv4`` or ``dualstack``: without a rule for IPv6 the instance has no IPv6 address."""

    tags: dict[str, str]


def make(args: LightsailArgs, project: str, stack: str) -> Plan:
    """Plan a machine of a stack.

    Raises:
        Inexpressible: Lightsail's firewall cannot do what the rules ask for.
    """
    ports = open_ports(args.firewall)
    return Plan(
        zone=zone_of(args),
        ports=ports,
        ip_address_type="dualstack" if any(port.ipv6_cidrs for port in ports) else "ipv4",
        tags=owner_tags(project, stack) | args.tags,
    )


def zone_of(args: LightsailArgs) -> str:
    """The machine's availability zone."""
    return args.zone or f"{args.region}a"


def open_ports(firewall: Firewall) -> tuple[OpenPort, ...]:
    """The firewall as Lightsail takes it, in a stable order. Descriptions are lost: Lightsail has no place for them.

    Raises:
        Inexpressible: With what Lightsail cannot do.
    """
    _all_out(firewall)
    ranges: dict[tuple[str, int, int], list[Rule]] = {}
    for rule in sorted(firewall.rules):
        if rule.direction == "ingress":
            ranges.setdefault(_range(rule), []).append(rule)
    if not ranges:
        raise Inexpressible(
            "the firewall opens no port, and Lightsail's needs at least one; name a network in launchpad:ssh_cidrs or "
            "launchpad:web_cidrs"
        )
    return tuple(
        OpenPort(*flow, _cidrs(rules, ipv6=False), _cidrs(rules, ipv6=True)) for flow, rules in sorted(ranges.items())
    )


def _range(rule: Rule) -> tuple[str, int, int]:
    """Protocol, first and last port of a rule as Lightsail names them; for ICMP -1 means every type and code."""
    if rule.protocol == "all":  # pulumi-aws reads it back as -1 and would set it anew at every `up`
        raise Inexpressible(
            f"the firewall opens every port of every protocol to {rule.cidr}; for Lightsail name the ports, and tcp or "
            "udp"
        )
    if rule.protocol == "icmp":
        return ("icmpv6" if rule.is_ipv6 else "icmp", -1, -1)
    return rule.protocol, rule.from_port, rule.to_port


def _cidrs(rules: Iterable[Rule], *, ipv6: bool) -> tuple[str, ...]:
    return tuple(sorted({rule.cidr for rule in rules if rule.is_ipv6 == ipv6}))


def _all_out(firewall: Firewall) -> None:
    """Check that the firewall allows all outgoing traffic, as Lightsail always does."""
    out = {(rule.protocol, rule.cidr) for rule in firewall.rules if rule.direction == "egress"}
    if not out >= {("all", cidr) for cidr in ANYWHERE}:
        raise Inexpressible(
            "the firewall restricts outgoing traffic, which Lightsail's cannot do; allow all of it, to 0.0.0.0/0 and "
            "::/0, or set launchpad:machine to ec2"
        )
