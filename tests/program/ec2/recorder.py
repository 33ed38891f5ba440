"""Runs the EC2 machine under Pulumi's mocks and records what it registers, options included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pulumi.runtime import mocks

from infra.config.parse import parse
from infra.machines.aws.data_disk import DataDisk
from infra.machines.ec2 import tunnel, volumes
from infra.machines.registry import KINDS, launch
from tests.program.registrations import as_text, registered

SNAPSHOTS = Path(__file__).parent / "snapshots"
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
DATABASE = "machine-database-1234567.c0ffee.eu-central-1.rds.amazonaws.com"
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!db-01234567-89ab-cdef-0123-456789abcdef-AbCdEf"
NEWEST = {"x86_64": "ami-0aaaaaaaaaaaaaaaa", "arm64": "ami-0bbbbbbbbbbbbbbbb"}
ZONES = ["eu-central-1b", "eu-central-1c", "eu-central-1a"]

BASE = {"machine": "ec2", "ec2.region": "eu-central-1", "ssh_cidrs": '["203.0.113.7/32"]'}
CONFIGURATIONS: dict[str, dict[str, str]] = {
    "default": BASE,
    "existing-vpc": {
        **BASE,
        "ec2.vpc_id": "vpc-0123456789abcdef0",
        "ec2.subnet_id": "subnet-0123456789abcdef0",
    },
    "hardened": {
        **BASE,
        "ec2.ssh_via": "ssm",
        "ssh_cidrs": "[]",
        "domain": "app.example.org",
        "ec2.termination_protection": "true",
        "ec2.snapshots": "7",
    },
    "rds": {**BASE, "database": "rds", "ec2.rds_class": "db.t4g.small", "ec2.rds_storage": "50G"},
    "rds-existing-vpc": {
        **BASE,
        "database": "rds",
        "ec2.vpc_id": "vpc-0123456789abcdef0",
        "ec2.subnet_id": "subnet-0123456789abcdef0",
        "ec2.rds_subnets": '["subnet-0aaaaaaaaaaaaaaa1", "subnet-0aaaaaaaaaaaaaaa2"]',
        "ec2.rds_multi_az": "true",
        "on_destroy": "snapshot",
    },
    "arm64": {**BASE, "ec2.instance_type": "t4g.small", "ec2.tags": '{"CostCenter": 42}'},
}
"""The configurations whose registrations are kept as data files, by name."""


@dataclass
class Answers(mocks.Mocks):
    """AWS's answers; ``images`` says which image is the newest of an architecture."""

    images: dict[str, str] = field(default_factory=lambda: dict(NEWEST))
    disk: DataDisk | None = None
    """The data disk that is there before."""
    subnet_zone: str = "eu-central-1b"
    """The zone of a subnet that is there before."""
    invokes: list[dict[str, Any]] = field(default_factory=list)
    started: list[tuple[Any, ...]] = field(default_factory=list)
    """The tunnels that the program would have started."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        """The inputs, and what the real resource would add."""
        inputs = {key: value for key, value in args.inputs.items() if key != "__provider"}
        added: dict[str, dict[str, Any]] = {
            "aws:ec2/vpc:Vpc": {"defaultNetworkAclId": "acl-default"},
            "aws:ec2/keyPair:KeyPair": {"keyName": f"{args.name}-1234567"},
            "aws:iam/role:Role": {
                "name": f"{args.name}-1234567",
                "arn": f"arn:aws:iam::123456789012:role/{args.name}-1234567",
            },
            "aws:iam/instanceProfile:InstanceProfile": {"name": f"{args.name}-1234567"},
            "aws:ec2/eipAssociation:EipAssociation": {"publicIp": "192.0.2.10"},
            "aws:rds/subnetGroup:SubnetGroup": {"name": f"{args.name}-1234567"},
            "aws:rds/parameterGroup:ParameterGroup": {"name": f"{args.name}-1234567"},
            "aws:rds/instance:Instance": {
                "address": DATABASE,
                "masterUserSecrets": [{"secretArn": SECRET, "kmsKeyId": "key", "secretStatus": "active"}],
            },
            "pulumi:index:Stash": {"output": inputs.get("input")},
            "pulumi-python:dynamic/launchpad:KeyPair": {"public_key": HOST_KEY, "private_key": "PRIVATE-canary"},
            "pulumi-python:dynamic/launchpad:Ec2HostKey": {"public_key": HOST_KEY},
        }
        return f"{args.name}-id", {**inputs, **added.get(args.typ, {})}

    def start(self, *asked: Any) -> str:
        """In place of a tunnel's start."""
        self.started.append(asked)
        return tunnel.LOCALHOST

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        """The newest image, and the zones that offer an instance type."""
        self.invokes.append({"token": args.token, "args": dict(args.args)})
        if args.token == "aws:ec2/getAmi:getAmi":
            wanted = next(each["values"][0] for each in args.args["filters"] if each["name"] == "architecture")
            return {"id": self.images[wanted], "name": f"debian-13-{wanted}-newest"}, []
        if args.token == "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings":
            return {"locations": ZONES}, []
        if args.token == "aws:ec2/getSubnet:getSubnet":
            return {"id": args.args["id"], "availabilityZone": self.subnet_zone}, []
        raise AssertionError(f"nobody expected the program to ask {args.token}")


def record(values: dict[str, str], answers: Answers | None = None) -> list[dict[str, Any]]:
    """The registrations of the machine that the given config asks for, in an order that is always the same."""
    return run(lambda: launch("machine", parse(values, KINDS)), answers)


def run(program: Callable[[], object], answers: Answers | None = None) -> list[dict[str, Any]]:
    """The registrations of any program."""
    answers = answers or Answers()
    with (
        patch.object(tunnel, "missing", lambda _path: []),
        patch.object(tunnel, "start", answers.start),
        patch.object(volumes, "find", lambda *_asked: answers.disk),
    ):
        return registered(program, answers, "ec2")


def refresh() -> None:
    """Write every snapshot anew: ``python -m tests.program.ec2.recorder``, then read ``git diff``."""
    for name, values in CONFIGURATIONS.items():
        (SNAPSHOTS / f"{name}.json").write_text(as_text(record(values)))


if __name__ == "__main__":
    refresh()
