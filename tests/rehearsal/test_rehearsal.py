"""The EC2 path from nothing to a running app and back, asserted by boto3. What that proves: README.md beside this file."""

from __future__ import annotations

import base64
import os
import shutil
import socket

import pytest

from infra import outputs
from tests.e2e.stack import Stack, changed, fetch
from tests.rehearsal.account import IMAGES
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
    (disk,) = aws.ec2.describe_volumes()["Volumes"]
    assert (disk["Encrypted"], disk["VolumeType"], disk["Size"]) == (True, "gp3", 20)
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
    assert len(things) == 11
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
    assert "and will be REPLACED by a new machine with an empty disk" in said
    assert "machine-instance replace" in said
    stack.config(**{"ec2.instance_type": "t3.medium"})
    said = stack.run("pulumi preview", check=True).stdout
    assert "and will be STOPPED and restarted" in said
    assert "machine-instance update" in said
    assert "machine-instance replace" not in said


def test_another_type_keeps_machine_key_and_release(stack: Stack, aws: Aws) -> None:
    found, (instance,) = stack.outputs(), aws.instances()
    said = changed(stack.up())
    assert said["machine-instance"] == "updated"
    assert {"app-wait-for-ssh", "app-check-public-url"} <= set(said)
    assert "app-release" not in said
    (now,) = aws.instances()
    assert (now["InstanceId"], now["InstanceType"]) == (instance["InstanceId"], "t3.medium")
    assert stack.outputs() == found


def test_an_image_that_is_asked_for_replaces_the_machine_and_keeps_its_address(stack: Stack, aws: Aws) -> None:
    found, (instance,) = stack.outputs(), aws.instances()
    (address,) = aws.ec2.describe_addresses()["Addresses"]
    stack.config(**{"ec2.ami": IMAGES[0]["ami_id"]})
    assert changed(stack.up())["machine-instance"] == "replaced"
    (now,) = aws.instances()
    assert now["InstanceId"] != instance["InstanceId"]
    assert now["ImageId"] == IMAGES[0]["ami_id"]
    (kept,) = aws.ec2.describe_addresses()["Addresses"]
    assert (kept["PublicIp"], kept["InstanceId"]) == (address["PublicIp"], now["InstanceId"])
    assert stack.outputs()["host_key_fingerprint"] != found["host_key_fingerprint"]
    assert fetch(stack.outputs()["url"])[0] == 200


def test_bad_credentials_are_one_clear_message(stack: Stack) -> None:
    done = stack.run("pulumi preview", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", AWS_SHARED_CREDENTIALS_FILE="/x")
    assert done.returncode != 0
    assert "no AWS credentials were found" in done.stdout
    assert "Traceback" not in done.stdout


def test_destroy_leaves_the_account_as_it_was(before: dict[str, list[str]], stack: Stack, aws: Aws) -> None:
    stack.run("pulumi destroy --yes", check=True)
    assert aws.everything() == before
