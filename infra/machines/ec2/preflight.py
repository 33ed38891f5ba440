"""Checks against AWS before any resource is created: in seconds they find what would otherwise fail half-way.

They run in previews (``pulumi up`` begins with one); ``launchpad:ec2.preflight: false`` skips them. A check that the
credentials may not run is a warning, not an error: deploying may need fewer permissions.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from infra.machines.aws import session
from infra.machines.aws.answers import DENIED, Client, PreflightError, ask, code_of
from infra.machines.aws.credentials import credentials
from infra.machines.aws.owner import is_ours
from infra.machines.ec2 import quotas, rds_preflight
from infra.machines.ec2.plan import Ec2Args, architecture

KIND = "ec2"


def run(args: Ec2Args, owner: dict[str, str], client: Client = session.client) -> list[str]:
    """Run all checks.

    Args:
        args: The planned machine.
        owner: The tags of the stack's own resources, which already count against the quotas.
        client: Creates a boto3 client.

    Returns:
        Warnings about the checks that the credentials may not run.

    Raises:
        PreflightError: With every problem found.
    """
    problems = credentials(KIND, args.region, client)
    if problems:  # every other request would fail too
        raise PreflightError(KIND, problems)
    return ask(KIND, {name: partial(check, args, owner, client) for name, check in CHECKS})


def consequences(args: Ec2Args, owner: dict[str, str], client: Client = session.client) -> list[str]:
    """Warn if the config stops or replaces the running machine; Pulumi shows a stop as a mere update.

    Args:
        args: The planned machine.
        owner: The tags of the stack's own resources.
        client: Creates a boto3 client.

    Returns:
        The warnings; none if nothing changes or the credentials may not list what there is.
    """
    try:
        ours = _ours(args, owner, client)
        warnings = rds_preflight.restarts(args, owner, client)
    except Exception as error:
        if code_of(error) in DENIED:
            return []
        raise
    for instance in ours:
        current = instance["InstanceType"]
        if reason := replacement(args, instance):
            warnings.append(f"{reason} and will be REPLACED{replaced(args)}")
        elif current != args.instance_type:
            warnings.append(
                f"{instance['InstanceId']} changes from {current} to {args.instance_type} and will be STOPPED and "
                "restarted, a minute or two without the app; its disks are kept"
            )
    return warnings


def _ours(args: Ec2Args, owner: dict[str, str], client: Client) -> list[dict[str, Any]]:
    """The stack's own instances that run."""
    return [item for item in quotas.running(client("ec2", args.region)) if is_ours(item.get("Tags", []), owner)]


def replacement(args: Ec2Args, instance: Mapping[str, Any]) -> str:
    """What about an instance changes that AWS does not change in place; empty if nothing does."""
    name, current = instance["InstanceId"], instance["InstanceType"]
    if architecture(current) != architecture(args.instance_type):
        return f"{name} changes from {current} to {args.instance_type}, which is another architecture,"
    image = instance.get("ImageId", args.ami)
    if isinstance(args.ami, str) and args.ami not in ("", image):
        return f"{name} changes its image from {image} to {args.ami}"
    return ""


def replaced(args: Ec2Args) -> str:
    """What a replacement means for the data, as the end of a sentence."""
    if args.data_disk:
        return (
            ": the data disk moves to the new machine, for which the old one stops; some minutes without the app. What "
            "is elsewhere on the old machine's disk is lost"
        )
    return (
        " by a new machine with an empty disk: what the app keeps in $DATA_DIR is LOST, as launchpad:ec2.data_disk is 0"
    )


def protection(args: Ec2Args, owner: dict[str, str], client: Client) -> list[str]:
    """Check that AWS would end the old machine when a new one has taken its place."""
    ec2 = client("ec2", args.region)
    return [
        f"{reason}, which replaces the machine, and AWS would refuse to end the old one: it has termination "
        "protection. Set launchpad:ec2.termination_protection to false, run pulumi up with nothing else changed, and "
        "then change it"
        for instance in _ours(args, owner, client)
        if (reason := replacement(args, instance).rstrip(","))
        and ec2.describe_instance_attribute(InstanceId=instance["InstanceId"], Attribute="disableApiTermination")[
            "DisableApiTermination"
        ]["Value"]
    ]


def instance_type(args: Ec2Args, _owner: dict[str, str], client: Client) -> list[str]:
    """Check the type: the region offers it, it is EBS-optimized, and its architecture is what its name implies."""
    ec2 = client("ec2", args.region)
    filters = [{"Name": "instance-type", "Values": [args.instance_type]}]
    offered = ec2.describe_instance_type_offerings(LocationType="availability-zone", Filters=filters)
    zones = sorted(item["Location"] for item in offered["InstanceTypeOfferings"])
    key = f"launchpad:ec2.instance_type is {args.instance_type}"
    if not zones:
        return [f"{key}, which {args.region} does not offer; choose another type or region"]
    problems = []
    if args.subnet_id:
        subnet = ec2.describe_subnets(Filters=[{"Name": "subnet-id", "Values": [args.subnet_id]}])["Subnets"]
        if not subnet:
            problems.append(f"launchpad:ec2.subnet_id is {args.subnet_id}, which {args.region} does not have")
        elif subnet[0]["VpcId"] != args.vpc_id:
            problems.append(f"launchpad:ec2.subnet_id is {args.subnet_id}, which is in {subnet[0]['VpcId']}")
        elif subnet[0]["AvailabilityZone"] not in zones:
            problems.append(
                f"{key}, which zone {subnet[0]['AvailabilityZone']} of {args.subnet_id} does not offer; "
                f"{', '.join(zones)} do"
            )
    details = ec2.describe_instance_types(InstanceTypes=[args.instance_type])["InstanceTypes"][0]
    implied = architecture(args.instance_type)
    if implied not in details["ProcessorInfo"]["SupportedArchitectures"]:
        problems.append(f"{key}, which is not {implied} although its name implies it; choose another")
    if details.get("EbsInfo", {}).get("EbsOptimizedSupport") == "unsupported":
        problems.append(
            f"{key}, which does not support EBS optimization; choose a current generation, such as t3 or t4g"
        )
    if args.data_disk and details.get("Hypervisor") == "xen":  # its disks have no serial number
        problems.append(
            f"{key}, on which a data disk cannot be told from others; choose a type of the Nitro system, such as t3 or "
            "t4g, or set launchpad:ec2.data_disk to 0"
        )
    return problems


CHECKS = (
    ("instance type", instance_type),
    ("vCPU quota", quotas.vcpus),
    ("address quota", quotas.addresses),
    ("termination protection", protection),
    ("database", rds_preflight.database),
)
