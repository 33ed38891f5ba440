"""Quota checks: the account has room for the machine's vCPUs and its Elastic IP address.

If the stack's machine already exists, it already counts against the quotas, and nothing is checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infra.machines.aws.answers import Client, code_of
from infra.machines.aws.owner import is_ours
from infra.machines.ec2.plan import Ec2Args

VCPU_QUOTAS = {
    "f": "L-74FC7D96",
    "g": "L-DB2E81BA",
    "vt": "L-DB2E81BA",
    "inf": "L-1945791B",
    "p": "L-417A185B",
    "trn": "L-2C3B7624",
    "x": "L-7295265B",
}
"""Quota codes for running on-demand vCPUs, by the letters of the instance family.

Source: Service Quotas, service ec2 (``aws service-quotas list-service-quotas --service-code ec2``).
"""

VCPU_STANDARD = "L-1216C47A"
"""The quota that the standard families (A, C, D, H, I, M, R, T, Z) share."""

ADDRESSES = "L-0263D0A3"
"""The quota for Elastic IP addresses per region."""


def vcpus(args: Ec2Args, owner: dict[str, str], client: Client) -> list[str]:
    """Check that the account may run the machine's vCPUs. Returns problems, one line each."""
    ec2 = client("ec2", args.region)
    instances = list(running(ec2))
    if any(is_ours(instance.get("Tags", []), owner) for instance in instances):
        return []
    letters = _letters(args.instance_type)
    code = VCPU_QUOTAS.get(letters, VCPU_STANDARD)
    quota = _quota(client, args.region, code)
    if quota is None:
        return []
    details = ec2.describe_instance_types(InstanceTypes=[args.instance_type])["InstanceTypes"][0]
    needed = details["VCpuInfo"]["DefaultVCpus"]
    used = sum(
        instance.get("CpuOptions", {}).get("CoreCount", 0) * instance.get("CpuOptions", {}).get("ThreadsPerCore", 1)
        for instance in instances
        if VCPU_QUOTAS.get(_letters(instance["InstanceType"]), VCPU_STANDARD) == code
        and not instance.get("InstanceLifecycle")
    )
    if used + needed <= quota:
        return []
    return [
        f"{args.instance_type} needs {needed} vCPUs, but only {max(0, int(quota) - used)} of the account's "
        f"{int(quota)} in {args.region} are available; terminate other instances, choose a smaller type, "
        f"or request an increase (Service Quotas, ec2, {code})"
    ]


def addresses(args: Ec2Args, owner: dict[str, str], client: Client) -> list[str]:
    """Check that the account may allocate an Elastic IP address. Returns problems, one line each."""
    allocated = client("ec2", args.region).describe_addresses()["Addresses"]
    if any(is_ours(address.get("Tags", []), owner) for address in allocated):
        return []
    quota = _quota(client, args.region, ADDRESSES)
    if quota is None or len(allocated) < quota:
        return []
    return [
        f"all {int(quota)} Elastic IP addresses of the account in {args.region} are in use; release one, "
        f"or request an increase (Service Quotas, ec2, {ADDRESSES})"
    ]


def running(ec2: Any) -> Iterator[dict[str, Any]]:
    """Every running or pending instance of the account, as ``DescribeInstances`` returns it."""
    filters = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    for page in ec2.get_paginator("describe_instances").paginate(Filters=filters):
        for reservation in page["Reservations"]:
            yield from reservation["Instances"]


def _letters(instance_type: str) -> str:
    family = instance_type.partition(".")[0]
    return family[: next((index for index, letter in enumerate(family) if not letter.isalpha()), len(family))]


def _quota(client: Client, region: str, code: str) -> float | None:
    """The account's quota; None if AWS has no quota with this code."""
    try:
        answer = client("service-quotas", region).get_service_quota(ServiceCode="ec2", QuotaCode=code)
    except Exception as error:
        if code_of(error) == "NoSuchResourceException":
            return None
        raise
    return float(answer["Quota"]["Value"])
