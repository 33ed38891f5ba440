"""What the EC2 machine registers: snapshots as data files, and what must not change a machine that runs.

After a change that is meant: ``python -m tests.program.ec2.recorder`` writes the snapshots anew; then read ``git diff``.
"""

import json
import re
from dataclasses import replace
from typing import Any

import pulumi
import pytest
from botocore.session import Session
from botocore.validate import ParamValidator

from infra.machines.aws.data_disk import DataDisk
from infra.machines.ec2.ec2 import Ec2Machine
from infra.machines.ec2.network import Ec2Network, Ec2NetworkArgs
from infra.machines.ec2.plan import Ec2Args
from infra.machines.firewall import plan
from tests.program.ec2.recorder import BASE, CONFIGURATIONS, SECRET, SNAPSHOTS, Answers, record, run
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
    held = one(recorded, "image-x86_64")  # what an empty key means from then on
    assert held["inputs"] == {"input": "ami-0cccccccccccccccc"}
    assert "ignore_changes" not in held["options"]
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


def test_snapshots_are_of_this_machines_disk_alone_and_as_many_as_wanted() -> None:
    recorded = record({**BASE, "ec2.snapshots": "14"})
    assert names(recorded) - names(record(BASE)) == {
        *("machine-snapshots", "machine-snapshots-role", "machine-snapshots-role-policy"),
    }
    details = one(recorded, "snapshots")["inputs"]["policyDetails"]
    assert details["targetTags"] == {"Snapshots": "launchpad/ec2/machine"}
    assert one(recorded, "data")["inputs"]["tags"]["Snapshots"] == "launchpad/ec2/machine"
    (schedule,) = details["schedules"]
    assert (schedule["retainRule"], schedule["createRule"]) == (
        {"count": 14},
        {"interval": 24, "intervalUnit": "HOURS", "times": "03:00"},
    )
    assert "Snapshots" not in one(record(BASE), "data")["inputs"]["tags"]


def test_the_schedule_of_snapshots_is_one_that_the_api_knows() -> None:
    policy = one(record({**BASE, "ec2.snapshots": "14"}), "snapshots")["inputs"]
    details = policy["policyDetails"]
    (schedule,) = details["schedules"]
    create = {"Interval": int(schedule["createRule"]["interval"]), "Times": [schedule["createRule"]["times"]]}
    asked = {
        "ExecutionRoleArn": policy["executionRoleArn"],
        "Description": policy["description"],
        "State": policy["state"],
        "PolicyDetails": {
            "ResourceTypes": details["resourceTypes"],
            "TargetTags": [{"Key": key, "Value": value} for key, value in details["targetTags"].items()],
            "Schedules": [
                {
                    "Name": schedule["name"],
                    "CopyTags": schedule["copyTags"],
                    "CreateRule": {**create, "IntervalUnit": schedule["createRule"]["intervalUnit"]},
                    "RetainRule": {"Count": int(schedule["retainRule"]["count"])},
                }
            ],
        },
    }
    model = Session().get_service_model("dlm").operation_model("CreateLifecyclePolicy").input_shape
    assert ParamValidator().validate(asked, model).generate_report() == ""
    # The service's own rules, which are in no model of it.
    assert re.fullmatch(r"[0-9A-Za-z _-]+", policy["description"])


RDS = {**BASE, "database": "rds"}


def test_without_an_app_that_wants_it_there_is_no_database_server_and_no_private_network() -> None:
    more = {each["name"] for each in record(RDS)} - {each["name"] for each in record(BASE)}
    assert more == {
        *("machine-private", "machine-private-1", "machine-private-1-route", "machine-private-2"),
        *("machine-private-2-route", "machine-acl-private", "machine-database", "machine-rds", "machine-rds-group"),
        *("machine-rds-in", "machine-rds-out", "machine-rds-log-postgresql", "machine-rds-log-upgrade"),
        *("machine-rds-parameters", "machine-rds-secret"),
    }
    same = [each for each in record(RDS) if each["name"] not in more]
    assert same == record(BASE)


@pytest.mark.parametrize(
    ("on_destroy", "protected", "without_snapshot"),
    [("", True, False), ("delete", False, True), ("snapshot", False, False)],
)
def test_the_database_server_is_protected_unless_a_key_says_what_becomes_of_it(
    on_destroy: str, protected: bool, without_snapshot: bool
) -> None:
    server = one(record({**RDS, "on_destroy": on_destroy}), "rds")["inputs"]
    assert (server["deletionProtection"], server["skipFinalSnapshot"]) == (protected, without_snapshot)
    assert server["finalSnapshotIdentifier"] == "machine-database-1234567-last"


def test_a_server_from_a_snapshot_has_the_master_and_the_version_of_that() -> None:
    server = one(record({**RDS, "ec2.rds_snapshot": "shop-last"}), "rds")
    assert server["inputs"]["snapshotIdentifier"] == "shop-last"
    assert not {"username", "engineVersion"} & set(server["inputs"])
    # The key may be emptied or name another one later: that makes no new server in place of the one with the data.
    assert server["options"]["ignore_changes"] == ["engineVersion", "snapshotIdentifier", "username"]


def test_the_machine_alone_reaches_the_server_and_reads_its_secret_alone() -> None:
    recorded = record(RDS)
    rule = one(recorded, "rds-in")["inputs"]
    assert (rule["securityGroupId"], rule["referencedSecurityGroupId"]) == ("machine-rds-group-id", "machine-group-id")
    assert json.loads(one(recorded, "rds-secret")["inputs"]["policy"])["Statement"] == [
        {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": SECRET}
    ]
    routes = {each["name"]: each["inputs"]["routes"] for each in recorded if "routeTable:" in each["type"]}
    assert routes["machine-private"] == []
    assert one(recorded, "database")["inputs"]["subnetIds"] == ["machine-private-1-id", "machine-private-2-id"]


FOUND = DataDisk("vol-0123456789abcdef0", 10, "eu-central-1b", attached=False, created="2026-11-27")


def test_the_data_disk_outlives_the_machine_and_is_never_replaced() -> None:
    recorded = record(BASE)
    disk = one(recorded, "data")
    assert disk["inputs"] == {
        "availabilityZone": "eu-central-1a",
        "encrypted": True,
        "size": 10,
        "type": "gp3",
        "tags": {"Name": "launchpad ec2 data", "Role": "data of machine"},
    }
    assert disk["options"]["ignore_changes"] == ["availabilityZone", "snapshotId", "kmsKeyId"]
    assert "machine-instance" not in disk["options"]["depends_on"]


def test_the_old_machine_stops_and_lets_go_before_the_new_one_takes_and_the_address_follows() -> None:
    recorded = record(BASE)
    use = one(recorded, "data-use")
    assert use["inputs"] == {
        "deviceName": "/dev/sdf",
        "instanceId": "machine-instance-id",
        "volumeId": "machine-data-id",
        "stopInstanceBeforeDetaching": True,
    }
    assert use["options"]["delete_before_replace"] is True
    assert "delete_before_replace" not in one(recorded, "instance")["options"]
    assert "machine-data-use" in one(recorded, "address-use")["options"]["depends_on"]


@pytest.mark.parametrize(
    ("said", "inputs", "options"),
    [
        ("", {}, {}),
        ("delete", {}, {}),
        ("keep", {}, {"retain_on_delete": True}),
        ("snapshot", {"finalSnapshot": True}, {}),
    ],
)
def test_what_becomes_of_the_data_is_in_the_state(said: str, inputs: dict[str, Any], options: dict[str, Any]) -> None:
    disk = one(record({**BASE, "on_destroy": said}), "data")
    assert {key: value for key, value in disk["inputs"].items() if key == "finalSnapshot"} == inputs
    assert {key: value for key, value in disk["options"].items() if key == "retain_on_delete"} == options


def test_a_disk_that_was_kept_is_taken_over_and_the_machine_comes_to_it(caplog: pytest.LogCaptureFixture) -> None:
    recorded = record({**BASE, "ec2.data_disk": "20G"}, Answers(disk=FOUND))
    disk = one(recorded, "data")
    assert disk["options"]["import"] == FOUND.id
    assert disk["inputs"]["size"] == 10  # Pulumi imports only what is as the program says
    assert {"size", "tags", "finalSnapshot"} <= set(disk["options"]["ignore_changes"])
    assert one(recorded, "public-1")["inputs"]["availabilityZone"] == "eu-central-1b"
    assert one(recorded, "public-2")["inputs"]["availabilityZone"] == "eu-central-1a"
    assert "DATA: the disk vol-0123456789abcdef0 (10 GB, of 2026-11-27) of this stack is there" in caplog.text


def test_a_disk_in_use_is_as_the_state_has_it() -> None:
    recorded = record({**BASE, "ec2.data_disk": "20G"}, Answers(disk=replace(FOUND, attached=True)))
    disk = one(recorded, "data")
    assert "import" not in disk["options"]
    assert disk["inputs"]["size"] == 20


def test_a_machine_never_comes_to_another_zone_than_its_data() -> None:
    other = Answers(disk=replace(FOUND, zone="eu-central-1c"), subnet_zone="eu-central-1b")

    class Placed(Answers):
        def new_resource(self, args: Any) -> tuple[str, dict[str, Any]]:
            made = super().new_resource(args)
            return (made[0], {**made[1], "availabilityZone": "eu-central-1c"}) if args.name == "machine-data" else made

    with pytest.raises(pulumi.RunError, match="but its data disk is in eu-central-1c"):
        record(CONFIGURATIONS["existing-vpc"], Placed(disk=other.disk))


def test_a_machine_never_leaves_the_zone_that_its_data_was_made_in() -> None:
    """In another region Pulumi makes everything anew, and knows of no disk that is elsewhere."""
    assert one(record(BASE), "data-zone")["options"]["ignore_changes"] == ["input"]

    class Elsewhere(Answers):
        def new_resource(self, args: Any) -> tuple[str, dict[str, Any]]:
            made = super().new_resource(args)
            return (made[0], {**made[1], "output": "us-east-1a"}) if args.name == "machine-data-zone" else made

    with pytest.raises(
        pulumi.RunError, match=r"launchpad:ec2\.region puts the machine into eu-central-1a, but its data disk"
    ):
        record(BASE, Elsewhere())


def test_a_disk_that_cannot_become_what_the_config_says_stops_the_run() -> None:
    with pytest.raises(pulumi.RunError, match=r"ec2.data_disk is 5G, but vol-0123456789abcdef0 has 10 GB"):
        record({**BASE, "ec2.data_disk": "5G"}, Answers(disk=FOUND))


def test_a_machine_without_a_data_disk_asks_for_no_zone() -> None:
    answers = Answers()
    recorded = record({**CONFIGURATIONS["existing-vpc"], "ec2.data_disk": "0"}, answers)
    assert not {"machine-data", "machine-data-use"} & names(recorded)
    assert "aws:ec2/getSubnet:getSubnet" not in [each["token"] for each in answers.invokes]


def test_the_machine_tells_where_its_disk_is() -> None:
    told: list[pulumi.Output[str]] = []

    def program() -> None:
        for disk in (10, 0):
            machine = Ec2Machine(f"box-{disk}", Ec2Args("eu-central-1", FIREWALL, data_disk=disk)).machine
            told.append(pulumi.Output.from_input(machine.data_disk or ""))
        pulumi.Output.all(*told).apply(seen.extend)

    seen: list[str] = []
    run(program)
    assert seen == ["/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_box10dataid", ""]


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
