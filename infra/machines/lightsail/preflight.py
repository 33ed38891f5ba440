"""Checks against AWS before any resource is created, and what the machine costs.

They run in previews (``pulumi up`` begins with one); ``launchpad:lightsail.preflight: false`` skips them. A check that
the credentials may not run is a warning, not an error: deploying may need fewer permissions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from infra.machines.aws import session
from infra.machines.aws.answers import DENIED, Client, PreflightError, ask, code_of
from infra.machines.aws.credentials import credentials
from infra.machines.lightsail import blueprint as blueprints
from infra.machines.lightsail import bundles, changes, disks
from infra.machines.lightsail.plan import LightsailArgs, zone_of

KIND = "lightsail"
ELSEWHERE = "us-east-1"
"""A region that certainly has Lightsail, and can be asked which others have."""

NOBODY = "launchpad-preflight"
"""The name of an instance that does not exist."""


@dataclass(frozen=True)
class Findings:
    """What a preview tells: the price, and warnings."""

    notes: list[str]
    warnings: list[str]


def run(args: LightsailArgs, blueprint: str, owner: dict[str, str], client: Client = session.client) -> Findings:
    """Run all checks.

    Args:
        args: The planned machine.
        blueprint: The image that the config names; empty if it names none.
        owner: The tags of the stack's own resources.
        client: Creates a boto3 client.

    Returns:
        The price, what a change does to the machine, and the checks that the credentials may not run.

    Raises:
        PreflightError: With every problem found.
    """
    problems = credentials(KIND, args.region, client) or region(args, client)
    if problems:  # every other request would fail too
        raise PreflightError(KIND, problems)
    lightsail = client("lightsail", args.region)
    asked = Questions(args, blueprint, owner, lightsail)
    denied = ask(
        KIND,
        {
            "zone": partial(zone, args, lightsail),
            "bundle": asked.bundle,
            "blueprint": asked.image,
            "the machine that is there": asked.present,
            "host key (lightsail:GetInstanceAccessDetails)": partial(host_key, lightsail),
        },
    )
    return Findings(asked.notes, [*denied, *asked.warnings])


@dataclass
class Questions:
    """Questions whose answers belong together: what is offered, and what is there."""

    args: LightsailArgs
    blueprint: str
    owner: dict[str, str]
    lightsail: Any
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    power: int | None = None

    def bundle(self) -> list[str]:
        """Check that Lightsail offers the bundle, and note what it costs."""
        found = bundles.find(self.args.bundle, self.args.region, bundles.offered(self.lightsail))
        if found.problem:
            return [found.problem]
        self.power = found.power
        self.notes.append(found.note)
        if self.args.data_disk:
            self.notes.append(disks.price(self.args.data_disk))
        return []

    def image(self) -> list[str]:
        """Check that Lightsail offers the image, and that the bundle is strong enough for it."""
        offered = blueprints.offered(self.lightsail)
        ids = blueprints.usable(offered)
        wanted = self.blueprint or blueprints.choose(ids)
        if problem := blueprints.problem(self.blueprint, self.args.region, ids):
            return [problem]
        needed = next(int(each.get("minPower") or 0) for each in offered if each["blueprintId"] == wanted)
        if self.power is not None and needed > self.power:
            key = f"launchpad:lightsail.bundle is {self.args.bundle}"
            return [f"{key}, which is too small for {wanted}; choose a larger one"]
        return []

    def present(self) -> list[str]:
        """Warn of what a change does to the machine that is there."""
        self.warnings += changes.warnings(self.args, self.blueprint, changes.ours(self.lightsail, self.owner))
        return []


def region(args: LightsailArgs, client: Client) -> list[str]:
    """Check that AWS offers Lightsail in the region."""
    from botocore.exceptions import ClientError, EndpointConnectionError  # noqa: PLC0415 - slow

    try:
        offering = client("lightsail", ELSEWHERE).get_regions()["regions"]
    except (ClientError, EndpointConnectionError):  # the account may not use that region; the next check asks its own
        return []
    names = sorted(str(each["name"]) for each in offering)
    if args.region in names:
        return []
    key = f"launchpad:lightsail.region is {args.region}"
    return [f"{key}, where AWS does not offer Lightsail; it does in {', '.join(names)}"]


def zone(args: LightsailArgs, lightsail: Any) -> list[str]:
    """Check that the region has the zone."""
    regions = lightsail.get_regions(includeAvailabilityZones=True)["regions"]
    zones = [
        str(each["zoneName"])
        for one in regions
        if one["name"] == args.region
        for each in one.get("availabilityZones", [])
        if each.get("state", "available") == "available"
    ]
    wanted = zone_of(args)
    if wanted in zones or not zones:
        return []
    said = wanted if args.zone else f"empty, which means {wanted}"
    others = f"set one of these: {', '.join(sorted(zones))}"
    return [f"launchpad:lightsail.zone is {said}, where Lightsail makes no instance; {others}"]


def host_key(lightsail: Any) -> list[str]:
    """Ask for the keys of an instance that does not exist, to see whether the credentials may ask."""
    try:
        lightsail.get_instance_access_details(instanceName=NOBODY, protocol="ssh")
    except Exception as error:
        if code_of(error) in DENIED:
            raise
    return []
