"""The rehearsal's account and stack."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.e2e.stack import Stack, commit
from tests.rehearsal.account import REGION

PLUGIN, DESK = Path("tests/rehearsal/aws"), Path("tests/rehearsal/desk")
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_EC2_METADATA_DISABLED": "true"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test in this folder drives the real engine and a real machine."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


class Aws:
    """The account as an auditor sees it."""

    def __init__(self, endpoint: str) -> None:
        self.environment = {**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint}
        self.ec2 = self.client("ec2")

    def client(self, service: str) -> Any:
        """A boto3 client of the account."""
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def instances(self) -> list[dict[str, Any]]:
        """The instances that are not terminated."""
        found = self.ec2.describe_instances()["Reservations"]
        every = [each for reservation in found for each in reservation["Instances"]]
        return [each for each in every if each["State"]["Name"] != "terminated"]

    def data_disk(self) -> dict[str, Any]:
        """The volume with the data."""
        filters = [{"Name": "tag:Role", "Values": ["data of machine"]}]
        (found,) = self.ec2.describe_volumes(Filters=filters)["Volumes"]
        return dict(found)

    def rules(self) -> set[tuple[str, str, int, int, str, str]]:
        """The rules of the group that the instance is in."""
        (instance,) = self.instances()
        filters = [{"Name": "group-id", "Values": [each["GroupId"] for each in instance["SecurityGroups"]]}]
        found = self.ec2.describe_security_group_rules(Filters=filters)["SecurityGroupRules"]
        return {
            (
                "out" if each["IsEgress"] else "in",
                each["IpProtocol"],
                each["FromPort"],
                each["ToPort"],
                each.get("CidrIpv4") or each["CidrIpv6"],
                each["Description"],
            )
            for each in found
        }

    def everything(self) -> dict[str, list[str]]:
        """The ids of all that a stack may leave behind, by kind."""
        iam = self.client("iam")
        kinds = {
            "vpcs": "VpcId",
            "subnets": "SubnetId",
            "internet_gateways": "InternetGatewayId",
            "route_tables": "RouteTableId",
            "network_acls": "NetworkAclId",
            "security_groups": "GroupId",
            "volumes": "VolumeId",
        }
        vpcs = {each["VpcId"] for each in self.ec2.describe_vpcs()["Vpcs"]}
        found: dict[str, list[str]] = {}
        for kind, identifier in kinds.items():
            listed = next(iter(getattr(self.ec2, f"describe_{kind}")().values()))
            # moto keeps the default ACL of a VPC that is gone, which AWS removes with it
            found[kind] = [each[identifier] for each in listed if each.get("VpcId", "") in ("", *vpcs)]
        return {
            **found,
            "instances": [each["InstanceId"] for each in self.instances()],
            "addresses": [each["AllocationId"] for each in self.ec2.describe_addresses()["Addresses"]],
            "keys": [each["KeyName"] for each in self.ec2.describe_key_pairs()["KeyPairs"]],
            "roles": [each["RoleName"] for each in iam.list_roles()["Roles"]],
            "profiles": [each["InstanceProfileName"] for each in iam.list_instance_profiles()["InstanceProfiles"]],
        }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the account and the plugin share."""
    return tmp_path_factory.mktemp("account")


@contextmanager
def served(module: str, folder: Path) -> Iterator[str]:
    """The address of an API that a module of ours serves on loopback."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin and process.stdout
    yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    process.stdin.close()
    process.wait(timeout=30)


def without_block_devices(stack: Stack) -> None:
    """Have the program say that the disk for data is mounted: see aws/drive.py. All else about it is as on AWS."""
    lines = {
        "infra/machines/aws/data_disk.py": 'return BY_ID + volume.replace("-", "")',
        "infra/machines/lightsail/disks.py": 'return f"{device(known[1])},{PATH}" if known else PATH',
    }
    texts = {file: (stack.clone / file).read_text() for file in lines}
    assert all(line in texts[file] for file, line in lines.items())
    changed = {file: texts[file].replace(line, 'return "mounted"') for file, line in lines.items()}
    commit(stack.clone, changed, "Mount disks from outside")


@pytest.fixture(scope="module")
def aws(folder: Path) -> Iterator[Aws]:
    """An AWS account on loopback."""
    with served("tests.rehearsal.account", folder) as endpoint:
        yield Aws(endpoint)


@pytest.fixture(scope="module")
def stack(aws: Aws, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Stack ec2 of a fresh clone, with the example's own config but for the network that SSH comes from."""
    made = Stack.cloned(tmp_path_factory.mktemp("clone") / "launchpad")
    made.extra.update(
        aws.environment,
        LAUNCHPAD_REHEARSAL=str(folder),
        PATH=f"{made.clone / PLUGIN}:{made.clone / DESK}:{os.environ['PATH']}",
    )
    without_block_devices(made)
    made.run("pulumi stack init ec2", check=True)
    made.config(ssh_cidrs=["198.18.0.0/15"], on_destroy="delete")
    yield made
    made.run("pulumi destroy --yes --skip-preview")
