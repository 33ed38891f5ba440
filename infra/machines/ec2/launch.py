"""From the settings to an EC2 machine, by way of the preflight."""

from __future__ import annotations

import os

import pulumi

from infra.machines.contract import Machine
from infra.machines.ec2 import acl, preflight, tunnel
from infra.machines.ec2.answers import PreflightError
from infra.machines.ec2.ec2 import Ec2Machine
from infra.machines.ec2.plan import Ec2Args, owner_tags
from infra.settings import Settings


def launch_ec2(settings: Settings) -> Machine:
    """The machine that the settings ask for. Raises ``RunError`` before anything is made where it cannot be."""
    args = arguments(settings)
    if args.via_ssm and (lacks := tunnel.problem(os.environ)):
        raise pulumi.RunError(lacks)
    try:
        if settings.preflight and pulumi.runtime.is_dry_run():
            owner = owner_tags(pulumi.get_project(), pulumi.get_stack())
            for remark in [*preflight.run(args, owner), *preflight.consequences(args, owner)]:
                pulumi.log.warn(remark)
        return Ec2Machine("machine", args).machine
    except (PreflightError, acl.TooManyNetworks) as problem:
        raise pulumi.RunError(str(problem)) from None


def arguments(settings: Settings) -> Ec2Args:
    """What of the settings is about the machine."""
    return Ec2Args(
        region=settings.region,
        firewall=settings.firewall,
        instance_type=settings.instance_type,
        volume=settings.volume,
        ami=settings.ami,
        monitoring=settings.monitoring,
        termination_protection=settings.termination_protection,
        vpc_id=settings.vpc_id,
        subnet_id=settings.subnet_id,
        vpc_cidr=settings.vpc_cidr,
        tags=settings.tags,
        via_ssm=settings.ssh_via == "ssm",
    )
