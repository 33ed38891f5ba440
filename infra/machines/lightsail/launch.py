"""Turns the stack's config keys into a Lightsail machine, after the preflight checks."""

from __future__ import annotations

import pulumi

from infra.machines.aws.answers import PreflightError
from infra.machines.aws.owner import owner_tags
from infra.machines.contract import Machine
from infra.machines.firewall import Firewall
from infra.machines.lightsail import plan, preflight
from infra.machines.lightsail.lightsail import LightsailMachine
from infra.machines.lightsail.plan import Inexpressible, LightsailArgs
from infra.machines.lightsail.settings import LightsailKeys
from infra.protocol.on_destroy import OnDestroy


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
        if keys.preflight and pulumi.runtime.is_dry_run():
            owner = owner_tags(pulumi.get_project(), pulumi.get_stack())
            found = preflight.run(args, keys.blueprint, owner)
            for note in found.notes:
                pulumi.log.info(note)
            for warning in found.warnings:
                pulumi.log.warn(warning)
        return LightsailMachine(name, args).machine
    except (PreflightError, Inexpressible) as problem:
        raise pulumi.RunError(str(problem)) from None


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
