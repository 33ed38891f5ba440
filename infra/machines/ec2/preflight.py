"""Questions to AWS before anything is made: each finds in a second what would otherwise fail half-way, or much later.

Runs in previews (``pulumi up`` begins with one); ``launchpad:preflight false`` skips it. What is not allowed to be
asked is a remark and not a problem: the one who deploys may have the permissions that it takes, and no others.
"""

from __future__ import annotations

from infra.machines.ec2 import quotas, session
from infra.machines.ec2.answers import DENIED, Client, PreflightError, code_of
from infra.machines.ec2.credentials import credentials
from infra.machines.ec2.plan import Ec2Args, architecture


def run(args: Ec2Args, owner: dict[str, str], client: Client = session.client) -> list[str]:
    """Ask everything; returns remarks about what could not be asked. Raises ``PreflightError``.

    ``owner`` holds the tags of the stack's own resources, which need no room any more.
    """
    problems = credentials(args.region, client)
    if problems:  # nothing else would be answered
        raise PreflightError(problems)
    remarks = []
    for name, check in CHECKS:
        try:
            problems += check(args, owner, client)
        except Exception as error:
            code = code_of(error)
            if code not in DENIED:
                raise PreflightError([*problems, f"{name}: AWS did not answer as expected: {error}"]) from None
            remarks.append(f"preflight: the {name} was not checked, for these credentials may not ask ({code})")
    if problems:
        raise PreflightError(problems)
    return remarks


def consequences(args: Ec2Args, owner: dict[str, str], client: Client = session.client) -> list[str]:
    """What the type that is asked for means to the machine that runs: Pulumi calls a stop and a start an update.

    Empty where nothing changes, or may not be asked.
    """
    try:
        ours = [each for each in quotas.running(client("ec2", args.region)) if quotas.is_ours(each, owner)]
    except Exception as error:
        if code_of(error) in DENIED:
            return []
        raise
    said = []
    for instance in ours:
        kind = instance["InstanceType"]
        change = f"{instance['InstanceId']} is a {kind} and is to be a {args.instance_type}: it will be"
        if architecture(kind) != architecture(args.instance_type):
            said.append(f"{change} REPLACED by a new machine with an empty disk, for the architecture is another one")
        elif kind != args.instance_type:
            said.append(f"{change} STOPPED and started as such, a minute or two without the app; its disk is kept")
    return said


def instance_type(args: Ec2Args, _owner: dict[str, str], client: Client) -> list[str]:
    """Whether the region offers the type, its disk can be encrypted and optimized, and it is what its name says."""
    ec2 = client("ec2", args.region)
    filters = [{"Name": "instance-type", "Values": [args.instance_type]}]
    offered = ec2.describe_instance_type_offerings(LocationType="availability-zone", Filters=filters)
    zones = sorted(item["Location"] for item in offered["InstanceTypeOfferings"])
    key = f"launchpad:instance_type is {args.instance_type}"
    if not zones:
        return [f"{key}, which {args.region} does not offer; choose another type or region"]
    problems = []
    if args.subnet_id:
        subnet = ec2.describe_subnets(Filters=[{"Name": "subnet-id", "Values": [args.subnet_id]}])["Subnets"]
        if not subnet:
            problems.append(f"launchpad:subnet_id is {args.subnet_id}, which {args.region} does not have")
        elif subnet[0]["VpcId"] != args.vpc_id:
            problems.append(f"launchpad:subnet_id is {args.subnet_id}, which is in {subnet[0]['VpcId']}")
        elif subnet[0]["AvailabilityZone"] not in zones:
            problems.append(
                f"{key}, which zone {subnet[0]['AvailabilityZone']} of {args.subnet_id} does not offer; "
                f"{', '.join(zones)} do"
            )
    about = ec2.describe_instance_types(InstanceTypes=[args.instance_type])["InstanceTypes"][0]
    wanted = architecture(args.instance_type)
    if wanted not in about["ProcessorInfo"]["SupportedArchitectures"]:
        problems.append(f"{key}, which is not {wanted} as its name says; choose another")
    if about.get("EbsInfo", {}).get("EbsOptimizedSupport") == "unsupported":
        problems.append(f"{key}, which has no EBS optimization; choose a current generation, such as t3 or t4g")
    return problems


CHECKS = (
    ("instance type", instance_type),
    ("vCPU quota", quotas.vcpus),
    ("address quota", quotas.addresses),
)
