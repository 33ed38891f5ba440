"""Checks against AWS before any resource is created: in seconds they find what would otherwise fail half-way.

They run in previews (``pulumi up`` begins with one); ``launchpad:ec2.preflight: false`` skips them. A check that the
credentials may not run is a warning, not an error: deploying may need fewer permissions.
"""

from __future__ import annotations

from functools import partial

from infra.machines.aws import session
from infra.machines.aws.answers import DENIED, Client, PreflightError, ask, code_of
from infra.machines.aws.credentials import credentials
from infra.machines.aws.owner import is_ours
from infra.machines.ec2 import quotas
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
    """Warn if a new instance type stops or replaces the running machine; Pulumi shows a stop as a mere update.

    Args:
        args: The planned machine.
        owner: The tags of the stack's own resources.
        client: Creates a boto3 client.

    Returns:
        The warnings; none if nothing changes or the credentials may not list instances.
    """
    try:
        ours = [item for item in quotas.running(client("ec2", args.region)) if is_ours(item.get("Tags", []), owner)]
    except Exception as error:
        if code_of(error) in DENIED:
            return []
        raise
    warnings = []
    for instance in ours:
        current = instance["InstanceType"]
        change = f"{instance['InstanceId']} changes from {current} to {args.instance_type} and will be"
        if architecture(current) != architecture(args.instance_type):
            warnings.append(f"{change} REPLACED by a new machine with an empty disk, because the architecture changes")
        elif current != args.instance_type:
            warnings.append(f"{change} STOPPED and restarted, a minute or two without the app; its disk is kept")
    return warnings


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
    return problems


CHECKS = (
    ("instance type", instance_type),
    ("vCPU quota", quotas.vcpus),
    ("address quota", quotas.addresses),
)
