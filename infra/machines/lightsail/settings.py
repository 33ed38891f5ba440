"""The config keys of a Lightsail machine, and their checks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from infra.config import readers
from infra.config.key import NAMESPACE, Keys, key
from infra.config.settings import Settings
from infra.machines.aws import settings as aws

TIME = re.compile(r"([01][0-9]|2[0-3]):00")


def snapshot_time(value: str) -> str:
    """A full hour of the day such as 03:00, or empty."""
    if value.strip() and not TIME.fullmatch(value.strip()):
        raise ValueError('a full hour of the day in UTC such as "03:00"')
    return value.strip()


@dataclass(frozen=True, kw_only=True)
class LightsailKeys(Keys):
    """A Lightsail instance, AWS's VPS at a fixed price a month, with a static IP address."""

    region: str = aws.region()
    zone: str = key(
        readers.pattern(r"[a-z]{2}(-[a-z]+)+-[0-9][a-z]", "a zone of the region such as eu-central-1a", empty=True),
        description="""Availability zone. Empty: the region's zone a. Changing it replaces the machine; a data disk
            stays in its zone, so a machine with one cannot move.""",
        example="eu-central-1b",
        also=("availability_zone",),
    )
    bundle: str = key(
        readers.pattern(r"[a-z0-9]+(_[a-z0-9]+)+", "the id of a Lightsail bundle such as small_3_0"),
        default="small_3_0",
        description="""Bundle: the instance's memory, CPUs, disk, traffic and price a month, which the preview shows.
            Changing it replaces the machine.""",
        also=("plan",),
    )
    blueprint: str = key(
        readers.pattern(r"(debian|ubuntu)(_[0-9]+)+", "a Debian or Ubuntu blueprint such as debian_13", empty=True),
        description="""Image (blueprint). Empty: debian_13, or the newest Debian if Lightsail does not offer it, at
            the time the machine is created, kept from then on. Changing it replaces the machine; this is how to
            upgrade.""",
        example="debian_13",
    )
    snapshots: str = key(
        snapshot_time,
        default="",
        description="""Time of day (UTC, a full hour) of automatic snapshots of the machine; Lightsail keeps the last
            seven. Empty: none. They are deleted with the machine.""",
        example="03:00",
        also=("snapshot_time", "backups"),
    )
    data_disk: int = key(
        aws.disk_size(8, 16384),
        default="8G",
        description="""Size of the disk for data, which outlives the machine, 8G to 16384G; 0: none, and the data is
            lost with the machine. It keeps its size and its zone. The preview shows what it costs.""",
        example="32G",
    )
    tags: dict[str, str] = key(
        readers.tags,
        default="{}",
        description="Additional tags for all AWS resources, besides Project, Stack and ManagedBy.",
        example='{"CostCenter": "42"}',
    )
    preflight: bool = key(
        readers.flag,
        default="true",
        description="""false skips the checks against AWS that each preview starts with (credentials, region, zone,
            bundle, blueprint), and the price.""",
    )


DEFAULTS = LightsailKeys()
"""The default value of every key."""


def region_given(settings: Settings) -> Iterator[str]:
    """lightsail.region is set."""
    if not settings.of(LightsailKeys).region:
        yield aws.region_missing("lightsail")


def zone_in_region(settings: Settings) -> Iterator[str]:
    """lightsail.zone is in lightsail.region."""
    keys = settings.of(LightsailKeys)
    if keys.region and keys.zone and keys.zone[:-1] != keys.region:
        yield (
            f"{NAMESPACE}:lightsail.zone is {keys.zone}, which is not in {NAMESPACE}:lightsail.region, {keys.region}; "
            f"set one of its zones, such as {keys.region}a"
        )


def ssh_reachable(settings: Settings) -> Iterator[str]:
    """ssh_cidrs is not empty."""
    if not settings.ssh_cidrs:
        yield (
            f"{NAMESPACE}:ssh_cidrs is empty, so no deployment could reach the machine; it must hold your own network, "
            'such as ["203.0.113.7/32"]'
        )
