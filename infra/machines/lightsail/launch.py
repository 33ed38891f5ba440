"""Turns the stack's config keys into a Lightsail machine, after the preflight checks."""

from __future__ import annotations

from dataclasses import replace

import pulumi

from infra.machines.aws import data_disk, kept
from infra.machines.aws.answers import PreflightError
from infra.machines.aws.data_disk import DataDisk, Refused
from infra.machines.aws.owner import owner_tags
from infra.machines.contract import Machine
from infra.machines.firewall import Firewall
from infra.machines.lightsail import disks, plan, preflight
from infra.machines.lightsail.lightsail import LightsailMachine
from infra.machines.lightsail.plan import Inexpressible, LightsailArgs
from infra.machines.lightsail.settings import LightsailKeys
from infra.protocol.on_destroy import OnDestroy

KEY = "launchpad:lightsail.data_disk"


def launch_lightsail(name: str, keys: LightsailKeys, firewall: Firewall, on_destroy: OnDestroy = "") -> Machine:
    """Declare the machine.

    Args:
        name: The component's name.
        keys: The stack's ``lightsail`` keys.
        firewall: The machine's firewall.
        on_destroy: What becomes of the data when the machine is destroyed.

    Raises:
        RunError: The machine cannot be created; raised before any resource is.
    """
    args = arguments(keys, firewall, on_destroy)
    try:
        plan.open_ports(firewall)
        owner = owner_tags(pulumi.get_project(), pulumi.get_stack())
        if keys.preflight and pulumi.runtime.is_dry_run():
            found = preflight.run(args, keys.blueprint, owner)
            for note in found.notes:
                pulumi.log.info(note)
            for warning in found.warnings:
                pulumi.log.warn(warning)
        there = _data_disk(name, args, owner)
        return LightsailMachine(name, replace(args, data_disk_found=there)).machine
    except (PreflightError, Refused, Inexpressible) as problem:
        raise pulumi.RunError(str(problem)) from None


def _data_disk(name: str, args: LightsailArgs, owner: dict[str, str]) -> DataDisk | None:
    """Find the data disk that is there, and tell what becomes of it. Asked at every run: a run may skip its preview."""
    found = kept.look(KEY, lambda: disks.find(args.region, owner, name))
    for line in data_disk.told(KEY, args.data_disk, found, grows=False):
        pulumi.log.warn(line)
    if found and args.data_disk and (problem := data_disk.moved(plan.ZONE, plan.zone_of(args), found.zone)):
        raise Refused(problem)
    return found


def arguments(keys: LightsailKeys, firewall: Firewall, on_destroy: OnDestroy = "") -> LightsailArgs:
    """Convert the config keys to the component's arguments."""
    return LightsailArgs(
        region=keys.region,
        firewall=firewall,
        zone=keys.zone,
        bundle=keys.bundle,
        blueprint=keys.blueprint,
        snapshots=keys.snapshots,
        data_disk=keys.data_disk,
        tags=keys.tags,
        on_destroy=on_destroy,
    )
