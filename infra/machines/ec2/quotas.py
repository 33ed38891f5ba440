"""Whether the account has room for the machine: virtual processors and Elastic addresses.

A stack whose machine is there already is in the count, so it needs no room any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infra.machines.ec2.answers import Client, code_of
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
"""Quota codes of running on-demand vCPUs by the family's letters (Service Quotas, service ec2)."""

VCPU_STANDARD = "L-1216C47A"
"""The quota that the standard families (A, C, D, H, I, M, R, T, Z) share."""

ADDRESSES = "L-0263D0A3"
"""Elastic addresses per region."""


def vcpus(args: Ec2Args, owner: dict[str, str], client: Client) -> list[str]:
    """Whether the account may run that many more virtual processors."""
    ec2 = client("ec2", args.region)
    instances = list(running(ec2))
    if any(is_ours(instance, owner) for instance in instances):
        return []
    letters = _letters(args.instance_type)
    code = VCPU_QUOTAS.get(letters, VCPU_STANDARD)
    quota = _quota(client, args.region, code)
    if quota is None:
        return []
    about = ec2.describe_instance_types(InstanceTypes=[args.instance_type])["InstanceTypes"][0]
    wanted = about["VCpuInfo"]["DefaultVCpus"]
    used = sum(
        instance.get("CpuOptions", {}).get("CoreCount", 0) * instance.get("CpuOptions", {}).get("ThreadsPerCore", 1)
        for instance in instances
        if VCPU_QUOTAS.get(_letters(instance["InstanceType"]), VCPU_STANDARD) == code
        and not instance.get("InstanceLifecycle")
    )
    if used + wanted <= quota:
        return []
    return [
        f"{args.instance_type} takes {wanted} vCPUs, and of the account's {int(quota)} in {args.region} "
        f"{max(0, int(quota) - used)} are left; end other instances, choose a smaller type, "
        f"or ask for more (Service Quotas, ec2, {code})"
    ]


def addresses(args: Ec2Args, owner: dict[str, str], client: Client) -> list[str]:
    """Whether the account may have one more Elastic address."""
    held = client("ec2", args.region).describe_addresses()["Addresses"]
    if any(is_ours(address, owner) for address in held):
        return []
    quota = _quota(client, args.region, ADDRESSES)
    if quota is None or len(held) < quota:
        return []
    return [
        f"all {int(quota)} Elastic addresses of the account in {args.region} are in use; release one, "
        f"or ask for more (Service Quotas, ec2, {ADDRESSES})"
    ]


def running(ec2: Any) -> Iterator[dict[str, Any]]:
    """Every instance of the account that runs or is about to."""
    filters = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    for page in ec2.get_paginator("describe_instances").paginate(Filters=filters):
        for reservation in page["Reservations"]:
            yield from reservation["Instances"]


def is_ours(thing: dict[str, Any], owner: dict[str, str]) -> bool:
    """Whether a resource has the tags of the stack."""
    tags = {tag["Key"]: tag["Value"] for tag in thing.get("Tags", [])}
    return owner.items() <= tags.items()


def _letters(instance_type: str) -> str:
    family = instance_type.partition(".")[0]
    return family[: next((place for place, letter in enumerate(family) if not letter.isalpha()), len(family))]


def _quota(client: Client, region: str, code: str) -> float | None:
    """The account's quota; None where AWS has none by that code."""
    try:
        answer = client("service-quotas", region).get_service_quota(ServiceCode="ec2", QuotaCode=code)
    except Exception as error:
        if code_of(error) == "NoSuchResourceException":
            return None
        raise
    return float(answer["Quota"]["Value"])
