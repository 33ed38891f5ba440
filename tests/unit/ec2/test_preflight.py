"""The preflight: one clear message for each thing that AWS would refuse, before anything is made."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ProfileNotFound
from moto import mock_aws

from infra.machines import firewall
from infra.machines.aws import session
from infra.machines.aws.answers import PreflightError
from infra.machines.aws.owner import owner_tags
from infra.machines.ec2 import preflight
from infra.machines.ec2.plan import Ec2Args

ARGS = Ec2Args("eu-central-1", firewall.plan((80,), ("0.0.0.0/0",), ("203.0.113.7/32",)))
OWNER = owner_tags("launchpad", "ec2")
OURS = [{"Key": key, "Value": value} for key, value in OWNER.items()]


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "said AWS"}}, "Anything")


class Aws:
    """An account: what it has in use, its quotas, and the errors that some questions meet."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {
            "describe_regions": {"Regions": [{"RegionName": "eu-central-1", "OptInStatus": "opt-in-not-required"}]},
            "describe_instance_type_offerings": {"InstanceTypeOfferings": [{"Location": "eu-central-1a"}]},
            "describe_instance_types": {
                "InstanceTypes": [
                    {
                        "ProcessorInfo": {"SupportedArchitectures": ["x86_64"]},
                        "EbsInfo": {"EbsOptimizedSupport": "default"},
                        "VCpuInfo": {"DefaultVCpus": 2},
                    }
                ]
            },
            "describe_subnets": {"Subnets": [{"VpcId": "vpc-1", "AvailabilityZone": "eu-central-1a"}]},
            "describe_addresses": {"Addresses": []},
            "instances": [],
            "L-1216C47A": 32.0,
            "L-DB2E81BA": 0.0,
            "L-0263D0A3": 5.0,
            **answers,
        }

    def __call__(self, _service: str, _region: str) -> "Aws":
        return self

    def __getattr__(self, name: str) -> Any:
        def answer(**question: Any) -> Any:
            key = question.get("QuotaCode", name)
            found = self.answers[key]
            if isinstance(found, Exception):
                raise found
            return {"Quota": {"Value": found}} if "QuotaCode" in question else found

        return answer

    def get_paginator(self, _name: str) -> "Aws":
        return self

    def paginate(self, **_filters: Any) -> list[Any]:
        return [{"Reservations": [{"Instances": self.answers["instances"]}]}]


def problems(aws: Aws, args: Ec2Args = ARGS) -> list[str]:
    with pytest.raises(PreflightError) as caught:
        preflight.run(args, OWNER, aws)
    return caught.value.problems


def running(instance_type: str, cores: int, **more: Any) -> dict[str, Any]:
    return {
        "InstanceId": "i-7",
        "InstanceType": instance_type,
        "CpuOptions": {"CoreCount": cores, "ThreadsPerCore": 2},
        **more,
    }


def test_an_account_with_room_is_no_problem() -> None:
    assert preflight.run(ARGS, OWNER, Aws()) == []


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (
            NoCredentialsError(),
            "no AWS credentials were found; log in with `aws sso login`, select a profile with AWS_PROFILE, or set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ),
        (
            ProfileNotFound(profile="prod"),
            "AWS_PROFILE: The config profile (prod) could not be found; `aws configure list-profiles` lists the existing ones",
        ),
        (
            EndpointConnectionError(endpoint_url="https://ec2"),
            "launchpad:ec2.region is eu-central-1, whose EC2 endpoint cannot be reached; check the key and the network",
        ),
        (
            error("ExpiredToken"),
            "AWS rejects these credentials in eu-central-1: said AWS (ExpiredToken); renew them (aws sso login), "
            "select others with AWS_PROFILE, or, if the region is one that must be enabled first, enable it for the account",
        ),
        (error("InvalidParameterValue"), "launchpad:ec2.region is 'eu-central-1', which AWS does not know"),
        (error("Strange"), "AWS returned an error for eu-central-1: said AWS (Strange)"),
        ({"Regions": []}, "launchpad:ec2.region is 'eu-central-1', which AWS does not know"),
        (
            {"Regions": [{"OptInStatus": "not-opted-in"}]},
            "launchpad:ec2.region is eu-central-1, which is not enabled for this account; enable it or choose another",
        ),
    ],
)
def test_credentials_and_region(failure: Any, message: str) -> None:
    assert problems(Aws(describe_regions=failure)) == [message]


def test_the_error_is_one_text_with_a_way_round() -> None:
    with pytest.raises(PreflightError) as caught:
        preflight.run(ARGS, OWNER, Aws(describe_regions={"Regions": []}))
    assert str(caught.value).splitlines() == [
        "AWS would refuse this machine, 1 problem:",
        "  - launchpad:ec2.region is 'eu-central-1', which AWS does not know",
        "(Set launchpad:ec2.preflight to false to skip these checks.)",
    ]


def about(**more: Any) -> dict[str, Any]:
    usual: dict[str, Any] = Aws().answers["describe_instance_types"]["InstanceTypes"][0]
    return {"InstanceTypes": [{**usual, **more}]}


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (
            {"describe_instance_type_offerings": {"InstanceTypeOfferings": []}},
            "launchpad:ec2.instance_type is t3.small, which eu-central-1 does not offer; choose another type or region",
        ),
        (
            {"describe_instance_types": about(ProcessorInfo={"SupportedArchitectures": ["arm64"]})},
            "launchpad:ec2.instance_type is t3.small, which is not x86_64 although its name implies it; choose another",
        ),
        (
            {"describe_instance_types": about(EbsInfo={"EbsOptimizedSupport": "unsupported"})},
            "launchpad:ec2.instance_type is t3.small, which does not support EBS optimization; choose a current generation, such as t3 "
            "or t4g",
        ),
    ],
)
def test_instance_type(answers: dict[str, Any], message: str) -> None:
    assert problems(Aws(**answers)) == [message]


@pytest.mark.parametrize(
    ("subnets", "message"),
    [
        ([], "launchpad:ec2.subnet_id is subnet-1, which eu-central-1 does not have"),
        (
            [{"VpcId": "vpc-2", "AvailabilityZone": "eu-central-1a"}],
            "launchpad:ec2.subnet_id is subnet-1, which is in vpc-2",
        ),
        (
            [{"VpcId": "vpc-1", "AvailabilityZone": "eu-central-1c"}],
            "launchpad:ec2.instance_type is t3.small, which zone eu-central-1c of subnet-1 does not offer; eu-central-1a do",
        ),
    ],
)
def test_existing_subnet(subnets: list[Any], message: str) -> None:
    args = Ec2Args("eu-central-1", ARGS.firewall, vpc_id="vpc-1", subnet_id="subnet-1")
    assert problems(Aws(describe_subnets={"Subnets": subnets}), args) == [message]
    assert preflight.run(args, OWNER, Aws()) == []


def test_vcpu_quota_counts_what_shares_it() -> None:
    used = [running("m5.large", 15), running("g4dn.xlarge", 90), running("c5.large", 9, InstanceLifecycle="spot")]
    assert preflight.run(ARGS, OWNER, Aws(instances=used)) == []
    assert problems(Aws(instances=[*used, running("c5.large", 1)])) == [
        "t3.small needs 2 vCPUs, but only 0 of the account's 32 in eu-central-1 are available; terminate other instances, "
        "choose a smaller type, or request an increase (Service Quotas, ec2, L-1216C47A)"
    ]


def test_vcpu_quota_is_that_of_the_family() -> None:
    args = Ec2Args("eu-central-1", ARGS.firewall, instance_type="g4dn.xlarge")
    assert "L-DB2E81BA" in problems(Aws(), args)[0]


def test_a_machine_that_is_there_needs_no_more_room() -> None:
    aws = Aws(
        instances=[running("t3.small", 16, Tags=OURS)],
        describe_addresses={"Addresses": [{"Tags": OURS}, *[{}] * 4]},
    )
    assert preflight.run(ARGS, OWNER, aws) == []
    others = [{"Key": "Stack", "Value": "other"}, *OURS[:2]]
    assert len(problems(Aws(instances=[running("t3.small", 16, Tags=others)]))) == 1


def test_address_quota() -> None:
    assert preflight.run(ARGS, OWNER, Aws(describe_addresses={"Addresses": [{}] * 4})) == []
    assert problems(Aws(describe_addresses={"Addresses": [{}] * 5})) == [
        "all 5 Elastic IP addresses of the account in eu-central-1 are in use; release one, or request an increase "
        "(Service Quotas, ec2, L-0263D0A3)"
    ]


def test_every_problem_is_told_at_once() -> None:
    aws = Aws(describe_addresses={"Addresses": [{}] * 5}, **{"L-1216C47A": 1.0})
    assert [line.split()[0] for line in problems(aws)] == ["t3.small", "all"]


def test_what_may_not_be_asked_is_a_remark() -> None:
    aws = Aws(describe_regions=error("UnauthorizedOperation"), **{"L-1216C47A": error("AccessDeniedException")})
    assert preflight.run(ARGS, OWNER, aws) == [
        "preflight: vCPU quota not checked, because the credentials do not permit it (AccessDeniedException)"
    ]


def test_a_quota_that_aws_does_not_have_is_no_limit() -> None:
    aws = Aws(**{"L-1216C47A": error("NoSuchResourceException"), "L-0263D0A3": error("NoSuchResourceException")})
    assert preflight.run(ARGS, OWNER, aws) == []


def test_an_unexpected_answer_is_said_and_not_raised_raw() -> None:
    aws = Aws(describe_addresses=error("Strange"))
    assert problems(aws)[0].startswith("address quota: unexpected answer from AWS: An error occurred (Strange)")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("t3.small", []),
        (
            "t3.medium",
            [
                "i-1 changes from t3.medium to t3.small and will be STOPPED and restarted, a minute or two "
                "without the app; its disks are kept"
            ],
        ),
        (
            "t4g.small",
            [
                "i-1 changes from t4g.small to t3.small, which is another architecture, and will be REPLACED: the data "
                "disk moves to the new machine, for which the old one stops; some minutes without the app. What is "
                "elsewhere on the old machine's disk is lost"
            ],
        ),
    ],
)
def test_another_type_is_said_to_stop_or_to_replace(kind: str, said: list[str]) -> None:
    ours = {"InstanceId": "i-1", "InstanceType": kind, "Tags": OURS}
    others = {"InstanceId": "i-2", "InstanceType": "m5.large", "Tags": []}
    assert preflight.consequences(ARGS, OWNER, Aws(instances=[ours, others])) == said


def test_another_image_is_said_to_replace_and_what_that_means_for_the_data() -> None:
    ours = {"InstanceId": "i-1", "InstanceType": "t3.small", "ImageId": "ami-1", "Tags": OURS}
    pinned = replace(ARGS, ami="ami-2", data_disk=0)
    assert preflight.consequences(pinned, OWNER, Aws(instances=[ours])) == [
        "i-1 changes its image from ami-1 to ami-2 and will be REPLACED by a new machine with an empty disk: what the app "
        "keeps in $DATA_DIR is LOST, as launchpad:ec2.data_disk is 0"
    ]
    assert preflight.consequences(replace(ARGS, ami="ami-2"), OWNER, Aws(instances=[ours])) == [
        "i-1 changes its image from ami-1 to ami-2 and will be REPLACED: the data disk moves to the new machine, for which "
        "the old one stops; some minutes without the app. What is elsewhere on the old machine's disk is lost"
    ]
    assert preflight.consequences(replace(ARGS, ami="ami-1"), OWNER, Aws(instances=[ours])) == []


def test_a_machine_that_aws_would_not_end_is_not_replaced() -> None:
    ours = {"InstanceId": "i-1", "InstanceType": "t3.small", "ImageId": "ami-1", "Tags": OURS}
    protected = Aws(instances=[ours], describe_instance_attribute={"DisableApiTermination": {"Value": True}})
    assert problems(protected, replace(ARGS, ami="ami-2")) == [
        "i-1 changes its image from ami-1 to ami-2, which replaces the machine, and AWS would refuse to end the old one: it "
        "has termination protection. Set launchpad:ec2.termination_protection to false, run pulumi up with nothing else "
        "changed, and then change it"
    ]
    assert preflight.run(ARGS, OWNER, protected) == []
    ended = Aws(instances=[ours], describe_instance_attribute={"DisableApiTermination": {"Value": False}})
    assert preflight.run(replace(ARGS, ami="ami-2"), OWNER, ended) == []


def test_a_data_disk_needs_a_type_whose_disks_have_serial_numbers() -> None:
    xen = Aws()
    xen.answers["describe_instance_types"]["InstanceTypes"][0]["Hypervisor"] = "xen"
    assert problems(xen) == [
        "launchpad:ec2.instance_type is t3.small, on which a data disk cannot be told from others; choose a type of the "
        "Nitro system, such as t3 or t4g, or set launchpad:ec2.data_disk to 0"
    ]
    assert preflight.run(replace(ARGS, data_disk=0), OWNER, xen) == []


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield


@pytest.mark.slow
@pytest.mark.usefixtures("account")
def test_real_clients_ask_such_questions_as_aws_has() -> None:
    """Against moto: names of operations and of fields are AWS's own, which the account above cannot tell."""

    def client(service: str, region: str) -> Any:
        return Aws() if service == "service-quotas" else session.client(service, region)

    assert preflight.run(ARGS, OWNER, client) == []
    boto3.client("ec2", region_name="eu-central-1").allocate_address(Domain="vpc")
    with pytest.raises(PreflightError) as caught:
        preflight.run(Ec2Args("eu-central-1", ARGS.firewall, instance_type="t9.huge"), OWNER, client)
    assert "t9.huge" in caught.value.problems[0]


@pytest.mark.slow
def test_without_credentials_the_answer_comes_soon(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(PreflightError) as caught:
        preflight.run(ARGS, OWNER)
    assert caught.value.problems[0].startswith("no AWS credentials were found")
