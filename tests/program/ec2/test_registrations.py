"""What the EC2 machine registers: snapshots as data files, and what must not change a machine that runs.

After a change that is meant: ``python -m tests.program.ec2.recorder`` writes the snapshots anew; then read ``git diff``.
"""

import json
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from infra.machines.ec2.ec2 import Ec2Machine
from infra.machines.ec2.network import Ec2Network, Ec2NetworkArgs
from infra.machines.ec2.plan import Ec2Args
from infra.machines.firewall import plan
from tests.program.ec2.recorder import BASE, CONFIGURATIONS, SNAPSHOTS, Answers, record, run
from tests.program.registrations import as_text, names, one


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
    arm = record({**BASE, "ec2.instance_type": "t4g.small"})
    assert one(arm, "image-arm64")["inputs"] == {"input": "ami-0bbbbbbbbbbbbbbbb"}
    assert one(arm, "instance")["inputs"]["ami"] == "ami-0bbbbbbbbbbbbbbbb"


def test_a_pinned_image_is_taken_without_a_question() -> None:
    answers = Answers()
    recorded = record({**BASE, "ec2.ami": "ami-0cccccccccccccccc"}, answers)
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
    assert "pulumi config set launchpad:ec2.ami ami-0aaaaaaaaaaaaaaaa" in caplog.text


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
    inputs = one(record({**BASE, "ec2.termination_protection": "true", "ec2.monitoring": "false"}), "instance")[
        "inputs"
    ]
    assert (inputs["disableApiTermination"], inputs["monitoring"]) == (True, False)


def test_too_many_networks_are_one_clear_message() -> None:
    networks = json.dumps([f"203.0.{number}.0/32" for number in range(12)])
    with pytest.raises(pulumi.RunError) as caught:
        record({**BASE, "ssh_cidrs": networks})
    assert str(caught.value) == (
        "launchpad:ssh_cidrs and launchpad:rules name 12 IPv4 networks for ports 22 and 3389; a network ACL has room for "
        "11. Merge neighbouring networks into wider ones"
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


FIREWALL = plan((80,), ("0.0.0.0/0",), ())


def test_a_program_may_have_two_machines_each_with_a_tunnel_of_its_own() -> None:
    def program() -> None:
        for name in ("first", "second"):
            Ec2Machine(name, Ec2Args("eu-central-1", FIREWALL, via_ssm=True))

    answers = Answers()
    recorded = run(program, answers)
    assert len({(each["type"], each["name"]) for each in recorded}) == len(recorded)
    assert {name.partition("-")[0] for name in names(recorded)} == {"first", "second"}
    assert len({(asked[2], asked[3]) for asked in answers.started}) == 2
    assert len({asked[2] for asked in answers.started}) == 2


def test_the_network_and_the_image_may_come_from_other_resources() -> None:
    def program() -> None:
        of = pulumi.Output.from_input
        network = Ec2Args("eu-central-1", FIREWALL, vpc_id=of("vpc-1"), subnet_id=of("subnet-1"))
        Ec2Machine("box", replace(network, ami=of("ami-1"), disk=of(30)))

    (instance,) = [each for each in run(program) if each["name"] == "box-instance"]
    inputs = instance["inputs"]
    assert (inputs["ami"], inputs["subnetId"], inputs["rootBlockDevice"]["volumeSize"]) == ("ami-1", "subnet-1", 30)


def test_a_network_stands_alone_and_takes_machines_into_its_subnets() -> None:
    def program() -> None:
        network = Ec2Network("net", Ec2NetworkArgs("eu-central-1", FIREWALL, "10.1.0.0/16"))
        for number, subnet in enumerate(network.subnet_ids):
            args = Ec2Args("eu-central-1", FIREWALL, vpc_id=network.vpc_id, subnet_id=subnet)
            Ec2Machine(f"box-{number}", args, pulumi.ResourceOptions(depends_on=[network]))

    recorded = run(program)
    made = {each["name"]: each for each in recorded}
    assert made["net-vpc"]["inputs"]["cidrBlock"] == "10.1.0.0/16"
    assert [made[f"box-{number}-instance"]["inputs"]["subnetId"] for number in (0, 1)] == [
        "net-public-1-id",
        "net-public-2-id",
    ]
    assert [name for name in made if name.startswith("box-") and name.endswith(("-vpc", "-acl", "-public"))] == []
    assert {"net-aws", "box-0-aws", "box-1-aws"} <= set(made)
