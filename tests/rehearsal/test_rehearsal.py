"""The EC2 path from nothing to a running app and back, asserted by boto3. What that proves: README.md beside this file."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra import outputs
from infra.protocol.paths import DATA_DISK
from tests.e2e.stack import Stack, changed, fetch
from tests.rehearsal.account import IMAGES, REGION
from tests.rehearsal.conftest import Aws

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 and shutil.which("sudo") is None,
    reason="the embedded machine that plays the instance needs root or sudo",
)

OWNER = {"ManagedBy": "pulumi", "Project": "launchpad", "Stack": "ec2"}
ANYWHERE = ("0.0.0.0/0", "::/0")
WEB = {("in", "tcp", 80, 80, cidr, "app on port 80") for cidr in ANYWHERE}
OUT = {("out", "-1", -1, -1, cidr, "package registries, git, the apps own calls") for cidr in ANYWHERE}


def ssh(cidr: str) -> tuple[str, str, int, int, str, str]:
    return ("in", "tcp", 22, 22, cidr, "SSH for deployments")


@pytest.fixture(scope="module")
def before(aws: Aws) -> dict[str, list[str]]:
    """What is in an account that nobody has used: its default VPC."""
    return aws.everything()


def test_preview_makes_nothing(before: dict[str, list[str]], stack: Stack, aws: Aws) -> None:
    said = stack.run("pulumi preview", check=True).stdout
    assert "machine-instance" in said
    assert aws.everything() == before


def test_the_app_is_deployed_end_to_end(stack: Stack) -> None:
    stack.up()
    found = stack.outputs()
    assert set(found) == set(outputs.MEANING)
    assert found["machine_kind"] == "ec2"
    assert fetch(found["url"])[0] == 200
    assert stack.on_machine("id -un").strip() == "deploy"


def test_the_host_key_is_that_of_the_machine_and_its_private_half_is_nowhere(stack: Stack, aws: Aws) -> None:
    printed = stack.on_machine("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub")
    assert stack.outputs()["host_key_fingerprint"] == printed.split()[1]
    (instance,) = aws.instances()
    held = aws.ec2.describe_instance_attribute(InstanceId=instance["InstanceId"], Attribute="userData")
    text = base64.b64decode(held["UserData"]["Value"]).decode()
    assert text.startswith("#cloud-config\n")
    assert "PRIVATE KEY" not in text
    assert "ssh_keys" not in text


def test_the_instance_is_as_a_review_wants_it(stack: Stack, aws: Aws) -> None:
    (instance,) = aws.instances()
    options = instance["MetadataOptions"]
    assert (options["HttpTokens"], options["HttpPutResponseHopLimit"]) == ("required", 1)
    assert (instance["InstanceType"], instance["EbsOptimized"]) == ("t3.small", True)
    assert instance["Monitoring"]["State"] == "enabled"
    assert instance["ImageId"] == IMAGES[1]["ami_id"]  # the newest of Debian's own
    disks = sorted(aws.ec2.describe_volumes()["Volumes"], key=lambda each: int(each["Size"]))
    assert [(disk["Encrypted"], disk["VolumeType"], disk["Size"]) for disk in disks] == [
        (True, "gp3", 10),
        (True, "gp3", 20),
    ]
    (use,) = aws.data_disk()["Attachments"]
    assert use["InstanceId"] == instance["InstanceId"]
    role = aws.client("iam").list_roles()["Roles"][0]["RoleName"]
    attached = aws.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert [each["PolicyName"] for each in attached] == ["AmazonSSMManagedInstanceCore"]
    assert stack.outputs()["machine_kind"] == "ec2"


def test_the_network_is_closed_but_for_the_rules(stack: Stack, aws: Aws) -> None:
    assert aws.rules() == {ssh("198.18.0.0/15"), *WEB, *OUT}
    (instance,) = aws.instances()
    of_vpc = [{"Name": "vpc-id", "Values": [instance["VpcId"]]}]
    groups = aws.ec2.describe_security_groups(Filters=of_vpc)["SecurityGroups"]
    (default,) = [each for each in groups if each["GroupName"] == "default"]
    assert default["IpPermissions"] == default["IpPermissionsEgress"] == []
    acls = {each["IsDefault"]: each for each in aws.ec2.describe_network_acls(Filters=of_vpc)["NetworkAcls"]}
    assert [each["RuleAction"] for each in acls[True]["Entries"]] in (["deny"] * 2, [])
    assert {each["SubnetId"] for each in acls[False]["Associations"]} >= {instance["SubnetId"]}
    assert len(acls[False]["Associations"]) == 2
    subnets = aws.ec2.describe_subnets(Filters=of_vpc)["Subnets"]
    assert len({each["AvailabilityZone"] for each in subnets}) == 2
    assert not any(each["MapPublicIpOnLaunch"] for each in subnets)
    assert stack.outputs()["machine_kind"] == "ec2"


def test_everything_says_whose_it_is(stack: Stack, aws: Aws) -> None:
    (instance,) = aws.instances()
    of_vpc = [{"Name": "vpc-id", "Values": [instance["VpcId"]]}]
    things = [
        instance,
        *aws.ec2.describe_volumes()["Volumes"],
        *aws.ec2.describe_addresses()["Addresses"],
        *aws.ec2.describe_key_pairs()["KeyPairs"],
        *aws.ec2.describe_vpcs(VpcIds=[instance["VpcId"]])["Vpcs"],
        *aws.ec2.describe_subnets(Filters=of_vpc)["Subnets"],
        *aws.ec2.describe_security_groups(Filters=of_vpc)["SecurityGroups"],
        *aws.ec2.describe_network_acls(Filters=of_vpc)["NetworkAcls"],
    ]
    assert len(things) == 12
    for thing in things:
        tags = {each["Key"]: each["Value"] for each in thing["Tags"]}
        assert tags.items() >= OWNER.items(), thing
    assert stack.outputs()["machine_kind"] == "ec2"


def test_the_live_stack_passes_the_security_rules(stack: Stack) -> None:
    judged = stack.run("pulumi stack export | python -m policy", check=True).stdout
    assert judged.strip().endswith("0 findings without a waiver")


def test_a_second_up_changes_nothing(stack: Stack) -> None:
    assert "unchanged" in stack.up()
    assert changed(stack.up()) == {}
    stack.run("pulumi refresh --yes", check=True)
    stack.run("pulumi preview --expect-no-changes", check=True)


def test_another_ssh_network_changes_one_rule(stack: Stack, aws: Aws) -> None:
    before = aws.rules()
    stack.config(ssh_cidrs=["198.18.0.0/16"])
    said = changed(stack.up())
    assert before ^ aws.rules() == {ssh("198.18.0.0/15"), ssh("198.18.0.0/16")}
    of_machine = {name: what for name, what in said.items() if name.startswith("machine")}
    assert of_machine == {"machine-in-tcp-22-198-18-0-0-16": "created", "machine-acl": "updated"}


def test_with_session_manager_no_port_is_open_and_deployments_go_on(stack: Stack, aws: Aws) -> None:
    stack.config(**{"ec2.ssh_via": "ssm", "ssh_cidrs": []})
    stack.up()
    assert aws.rules() == {*WEB, *OUT}
    found = stack.outputs()
    with pytest.raises(OSError, match=r"timed out|refused|unreachable"):
        socket.create_connection((found["address"], 22), timeout=3)
    stack.config(env={"GREETING": "through the tunnel"})
    said = changed(stack.up())
    assert said["app-release"] == "updated"
    assert "machine-instance" not in said
    assert fetch(found["url"])[0] == 200
    assert stack.on_machine("id -un").strip() == "deploy"  # a person's ssh, with a session for a connection
    assert changed(stack.up()) == {}
    stack.config(**{"ec2.ssh_via": "direct", "ssh_cidrs": ["198.18.0.0/16"]})
    stack.up()
    assert aws.rules() == {ssh("198.18.0.0/16"), *WEB, *OUT}


def test_another_type_is_previewed_as_a_stop_and_another_architecture_as_a_replacement(stack: Stack) -> None:
    stack.config(**{"ec2.instance_type": "t4g.small"})
    said = stack.run("pulumi preview", check=True).stdout
    assert "which is another architecture, and will be REPLACED: the data disk moves to the new machine" in said
    assert "machine-data-use replace" in said
    assert "machine-data replace" not in said
    assert "machine-instance replace" in said
    stack.config(**{"ec2.instance_type": "t3.medium"})
    said = stack.run("pulumi preview", check=True).stdout
    assert "and will be STOPPED and restarted" in said
    assert "machine-instance update" in said
    assert "machine-instance replace" not in said


def test_the_data_disk_may_grow_and_never_be_left_behind(stack: Stack) -> None:
    stack.config(**{"ec2.data_disk": "12G", "ec2.region": "us-east-1"})
    said = stack.fails("pulumi preview")
    assert "launchpad:ec2.region puts the machine into us-east-1a, but its data disk is in eu-central-1a" in said
    stack.config(**{"ec2.region": REGION})
    said = stack.run("pulumi preview", check=True).stdout
    assert "grows from 10 to 12 GB in place; the machine runs on" in said
    assert "machine-data update" in said


def test_another_type_keeps_machine_key_and_release(stack: Stack, aws: Aws) -> None:
    found, (instance,) = stack.outputs(), aws.instances()
    said = changed(stack.up())
    assert said["machine-instance"] == said["machine-data"] == "updated"
    assert said["app-prepare"] == "updated"  # which grows the file system
    assert aws.data_disk()["Size"] == 12
    assert {"app-wait-for-ssh", "app-check-public-url"} <= set(said)
    assert "app-release" not in said
    (now,) = aws.instances()
    assert (now["InstanceId"], now["InstanceType"]) == (instance["InstanceId"], "t3.medium")
    assert stack.outputs() == found


@dataclass(frozen=True)
class Upgrade:
    """What was there before the machine is replaced, for the tests that follow it."""

    outputs: dict[str, Any]
    old: str
    disk: str
    address: str


@pytest.fixture(scope="module")
def upgrade(stack: Stack, aws: Aws) -> Upgrade:
    """The machine, with data, that another image is asked for."""
    (instance,), (address,) = aws.instances(), aws.ec2.describe_addresses()["Addresses"]
    before = Upgrade(stack.outputs(), instance["InstanceId"], aws.data_disk()["VolumeId"], address["PublicIp"])
    stack.on_machine(f"echo precious | sudo tee {DATA_DISK}/precious")
    stack.config(**{"ec2.ami": IMAGES[0]["ami_id"], "on_destroy": "keep"})
    return before


def test_a_failure_half_way_leaves_the_old_machine_stopped_and_whole(
    stack: Stack, aws: Aws, folder: Path, upgrade: Upgrade
) -> None:
    (folder / "happened").unlink()
    (folder / "fail-attach").touch()
    assert "an outage at attach" in stack.fails()
    states = {each["InstanceId"]: each["State"]["Name"] for each in aws.instances()}
    (new,) = set(states) - {upgrade.old}
    assert states == {upgrade.old: "stopped", new: "running"}
    assert (folder / "happened").read_text().splitlines() == [
        f"start {new}",
        f"stop {upgrade.old}",
        f"detach {upgrade.disk} {upgrade.old}",
    ]
    (address,) = aws.ec2.describe_addresses()["Addresses"]
    assert (address["PublicIp"], address["InstanceId"]) == (upgrade.address, upgrade.old)
    assert aws.data_disk()["State"] == "available"


def test_the_next_run_completes_it_and_the_new_machine_has_address_and_data(
    stack: Stack, aws: Aws, folder: Path, upgrade: Upgrade
) -> None:
    (folder / "happened").unlink()
    assert "of this stack is there: this machine gets it with all that is on it" in stack.up()
    (now,) = aws.instances()
    assert (folder / "happened").read_text().splitlines() == [
        f"attach {upgrade.disk} {now['InstanceId']}",
        f"address {now['InstanceId']}",
        f"end {upgrade.old}",
    ]
    assert stack.on_machine(f"cat {DATA_DISK}/precious").strip() == "precious"
    assert now["ImageId"] == IMAGES[0]["ami_id"]
    (kept,) = aws.ec2.describe_addresses()["Addresses"]
    assert (kept["PublicIp"], kept["InstanceId"]) == (upgrade.address, now["InstanceId"])
    assert stack.outputs()["host_key_fingerprint"] != upgrade.outputs["host_key_fingerprint"]
    assert fetch(stack.outputs()["url"])[0] == 200


def test_bad_credentials_are_one_clear_message(stack: Stack) -> None:
    done = stack.run("pulumi preview", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", AWS_SHARED_CREDENTIALS_FILE="/x")
    assert done.returncode != 0
    assert "no AWS credentials were found" in done.stdout
    assert "Traceback" not in done.stdout


def test_destroy_leaves_the_data_disk_where_it_is_to_be_kept_and_nothing_else(
    before: dict[str, list[str]], stack: Stack, aws: Aws, upgrade: Upgrade
) -> None:
    stack.run("pulumi destroy --yes", check=True)
    assert aws.everything() == {**before, "volumes": [upgrade.disk]}
    assert aws.data_disk()["State"] == "available"


def test_the_next_up_finds_the_disk_and_takes_it_over(stack: Stack, upgrade: Upgrade) -> None:
    stack.config(on_destroy="snapshot")
    said = stack.run("pulumi preview", check=True).stdout
    assert f"DATA: the disk {upgrade.disk} (12 GB, of " in said
    assert re.search(r"machine-data import", said)
    assert "importing this resource will fail" not in said
    stack.up()
    assert stack.on_machine(f"cat {DATA_DISK}/precious").strip() == "precious"
    assert fetch(stack.outputs()["url"])[0] == 200
    assert changed(stack.up()) == {"machine-data": "updated"}  # what becomes of it at the end


def test_destroy_leaves_a_snapshot_where_that_is_asked_for(
    before: dict[str, list[str]], stack: Stack, aws: Aws, upgrade: Upgrade
) -> None:
    stack.run("pulumi destroy --yes", check=True)
    assert aws.everything() == before
    of_disk = [{"Name": "volume-id", "Values": [upgrade.disk]}]
    (snapshot,) = aws.ec2.describe_snapshots(Filters=of_disk)["Snapshots"]
    assert {each["Key"]: each["Value"] for each in snapshot["Tags"]}.items() >= OWNER.items()


def test_the_snapshot_is_what_the_stack_begins_with_once_somebody_says_so(stack: Stack, aws: Aws) -> None:
    (snapshot,) = json.loads(stack.run("launchpad data list -s ec2 --json", check=True).stdout)
    assert (snapshot["what"], snapshot["size"], snapshot["stack"]) == ("snapshot", "12G", "launchpad/ec2")
    said = stack.run(f"launchpad data adopt {snapshot['id']} -s ec2", check=True).stdout
    disk = aws.data_disk()["VolumeId"]
    assert f"{disk}, made of {snapshot['id']}, has the tags of stack ec2 now" in said
    said = stack.run("pulumi preview", check=True).stdout
    assert f"DATA: the disk {disk} (12 GB, of " in said
    assert re.search(r"machine-data import", said)
    assert "importing this resource will fail" not in said
