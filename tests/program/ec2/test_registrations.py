"""What the EC2 machine registers: snapshots as data files, and what must not change a machine that runs.

After a change that is meant: ``python -m tests.program.ec2.recorder`` writes the snapshots anew; then read ``git diff``.
"""

import json
from typing import Any

import pulumi
import pytest

from tests.program.ec2.recorder import BASE, CONFIGURATIONS, SNAPSHOTS, Answers, as_text, record


def one(registrations: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (found,) = [each for each in registrations if each["name"] == f"machine-{name}"]
    return found


def names(registrations: list[dict[str, Any]]) -> set[str]:
    return {each["name"] for each in registrations}


@pytest.mark.parametrize("name", sorted(CONFIGURATIONS))
def test_registrations_are_those_of_the_snapshot(name: str) -> None:
    assert json.loads(as_text(record(CONFIGURATIONS[name]))) == json.loads((SNAPSHOTS / f"{name}.json").read_text())


def test_there_is_no_snapshot_without_a_configuration() -> None:
    assert {file.stem for file in SNAPSHOTS.glob("*.json")} == set(CONFIGURATIONS)


def test_questions_to_aws_are_the_image_by_its_owner_and_the_zones() -> None:
    answers = Answers()
    record(BASE, answers)
    by_token = {each["token"]: each["args"] for each in answers.invokes}
    assert set(by_token) == {"aws:ec2/getAmi:getAmi", "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings"}
    image = by_token["aws:ec2/getAmi:getAmi"]
    assert (image["owners"], image["mostRecent"]) == (["136693071363"], True)
    assert {each["name"]: each["values"] for each in image["filters"]} == {
        "name": ["debian-13-amd64-*"],
        "architecture": ["x86_64"],
        "virtualization-type": ["hvm"],
        "root-device-type": ["ebs"],
    }


def test_the_image_is_held_by_architecture() -> None:
    held = one(record(BASE), "image-x86_64")
    assert held["options"]["ignore_changes"] == ["input"]
    arm = record({**BASE, "instance_type": "t4g.small"})
    assert one(arm, "image-arm64")["inputs"] == {"input": "ami-0bbbbbbbbbbbbbbbb"}
    assert one(arm, "instance")["inputs"]["ami"] == "ami-0bbbbbbbbbbbbbbbb"


def test_a_pinned_image_is_taken_without_a_question() -> None:
    answers = Answers()
    recorded = record({**BASE, "ami": "ami-0cccccccccccccccc"}, answers)
    assert one(recorded, "instance")["inputs"]["ami"] == "ami-0cccccccccccccccc"
    assert "machine-image-x86_64" not in names(recorded)
    assert [each["token"] for each in answers.invokes] == ["aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings"]


def test_a_newer_image_is_told_of_and_not_taken(caplog: pytest.LogCaptureFixture) -> None:
    class Held(Answers):
        def new_resource(self, args: Any) -> tuple[str, dict[str, Any]]:
            made = super().new_resource(args)
            return (made[0], {**made[1], "output": "ami-0ddddddddddddddddd"}) if "image" in args.name else made

    caplog.set_level("INFO")
    recorded = record(BASE, Held())
    assert one(recorded, "instance")["inputs"]["ami"] == "ami-0ddddddddddddddddd"
    assert "pulumi config set launchpad:ami ami-0aaaaaaaaaaaaaaaa" in caplog.text


def test_user_data_is_held_until_the_key_changes() -> None:
    recorded = record(BASE)
    held = one(recorded, "first-boot")
    assert held["options"]["replace_on"].startswith("ssh-ed25519 ")
    assert one(recorded, "instance")["inputs"]["userData"] == held["inputs"]["input"]
    assert held["inputs"]["input"].startswith("#cloud-config\n")


def test_no_private_key_is_in_any_input() -> None:
    assert "PRIVATE" not in as_text(record(BASE))


def test_another_ssh_network_is_another_rule_and_nothing_else() -> None:
    before, after = record(BASE), record({**BASE, "ssh_cidrs": '["198.51.100.0/24"]'})
    assert names(before) - names(after) == {"machine-in-tcp-22-203-0-113-7-32"}
    assert names(after) - names(before) == {"machine-in-tcp-22-198-51-100-0-24"}
    same = names(before) & names(after) - {"machine-acl"}
    assert [each for each in before if each["name"] in same] == [each for each in after if each["name"] in same]


def test_zones_of_subnets_are_held_and_start_alphabetically() -> None:
    recorded = record(BASE)
    subnets = [one(recorded, f"public-{number}") for number in (1, 2)]
    assert [each["inputs"]["availabilityZone"] for each in subnets] == ["eu-central-1a", "eu-central-1b"]
    assert all(each["options"]["ignore_changes"] == ["availabilityZone"] for each in subnets)


def test_nothing_of_an_existing_network_is_touched() -> None:
    recorded = record(CONFIGURATIONS["existing-vpc"])
    kinds = {each["type"] for each in recorded}
    assert not {kind for kind in kinds if any(word in kind for word in ("ec2/vpc:", "ubnet", "etworkAcl", "oute"))}
    assert one(recorded, "instance")["inputs"]["subnetId"] == "subnet-0123456789abcdef0"
    assert one(recorded, "group")["inputs"]["vpcId"] == "vpc-0123456789abcdef0"


def test_protection_and_monitoring_do_as_they_are_told() -> None:
    inputs = one(record({**BASE, "termination_protection": "true", "monitoring": "false"}), "instance")["inputs"]
    assert (inputs["disableApiTermination"], inputs["monitoring"]) == (True, False)


def test_too_many_networks_are_one_clear_message() -> None:
    networks = json.dumps([f"203.0.{number}.0/32" for number in range(12)])
    with pytest.raises(pulumi.RunError) as caught:
        record({**BASE, "ssh_cidrs": networks})
    assert str(caught.value) == (
        "launchpad:ssh_cidrs and launchpad:rules name 12 IPv4 networks for ports 22 and 3389; a network ACL has room for "
        "11. Join neighbouring networks into wider ones"
    )


def test_hardened_opens_no_ssh_anywhere_and_goes_through_a_tunnel() -> None:
    answers = Answers()
    recorded = record(CONFIGURATIONS["hardened"], answers)
    assert not [name for name in names(recorded) if "tcp-22" in name]
    allowed = [entry for entry in one(recorded, "acl")["inputs"]["ingress"] if entry["protocol"] == "tcp"]
    assert not [entry for entry in allowed if entry["fromPort"] <= 22 <= entry["toPort"]]
    (asked,) = answers.started
    assert asked[:2] == ("eu-central-1", "machine-instance-id")


def test_a_direct_way_needs_no_tunnel() -> None:
    answers = Answers()
    record(BASE, answers)
    assert answers.started == []
