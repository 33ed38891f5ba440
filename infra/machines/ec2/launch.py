"""Turns the stack's config keys into an EC2 machine, after the preflight checks."""

from __future__ import annotations

import os
from dataclasses import replace

import pulumi

from infra.machines.aws import data_disk, kept
from infra.machines.aws.answers import PreflightError
from infra.machines.aws.data_disk import DataDisk, Refused
from infra.machines.aws.owner import owner_tags
from infra.machines.contract import Machine
from infra.machines.ec2 import acl, preflight, tunnel, volumes
from infra.machines.ec2.ec2 import Ec2Machine
from infra.machines.ec2.plan import Ec2Args, RdsArgs
from infra.machines.ec2.settings import Ec2Keys
from infra.machines.firewall import Firewall
from infra.protocol.on_destroy import OnDestroy

KEY = "launchpad:ec2.data_disk"


def launch_ec2(
    name: str, keys: Ec2Keys, firewall: Firewall, on_destroy: OnDestroy = "", *, with_rds: bool = False
) -> Machine:
    """Declare the machine.

    Args:
        name: The component's name.
        keys: The stack's ``ec2`` keys.
        firewall: The machine's firewall.
        on_destroy: What becomes of the data when the machine is destroyed.
        with_rds: Whether an app has its database on RDS.

    Raises:
        RunError: The machine cannot be created; raised before any resource is.
    """
    args = arguments(keys, firewall, on_destroy, with_rds=with_rds)
    if args.via_ssm and (missing_programs := tunnel.problem(os.environ)):
        raise pulumi.RunError(missing_programs)
    try:
        owner = owner_tags(pulumi.get_project(), pulumi.get_stack())
        if keys.preflight and pulumi.runtime.is_dry_run():
            for warning in [*preflight.run(args, owner), *preflight.consequences(args, owner)]:
                pulumi.log.warn(warning)
        found = _data_disk(name, args, owner)
        return Ec2Machine(name, replace(args, data_disk_found=found)).machine
    except (PreflightError, Refused, acl.TooManyNetworks) as problem:
        raise pulumi.RunError(str(problem)) from None


def _data_disk(name: str, args: Ec2Args, owner: dict[str, str]) -> DataDisk | None:
    """Find the data disk that is there, and tell what becomes of it. Asked at every run: a run may skip its preview."""
    found = kept.look(KEY, lambda: volumes.find(args.region, owner, name))
    for line in data_disk.told(KEY, args.data_disk, found, grows=True):
        pulumi.log.warn(line)
    return found


def arguments(keys: Ec2Keys, firewall: Firewall, on_destroy: OnDestroy = "", *, with_rds: bool = False) -> Ec2Args:
    """Convert the config keys to the component's arguments."""
    rds = RdsArgs(keys.rds_class, keys.rds_storage, keys.rds_multi_az, keys.rds_subnets, keys.rds_snapshot)
    return Ec2Args(
        region=keys.region,
        firewall=firewall,
        instance_type=keys.instance_type,
        disk=keys.disk,
        data_disk=keys.data_disk,
        snapshots=keys.snapshots,
        ami=keys.ami,
        monitoring=keys.monitoring,
        termination_protection=keys.termination_protection,
        vpc_id=keys.vpc_id,
        subnet_id=keys.subnet_id,
        vpc_cidr=keys.vpc_cidr,
        tags=keys.tags,
        on_destroy=on_destroy,
        via_ssm=keys.ssh_via == "ssm",
        rds=rds if with_rds else None,
    )
