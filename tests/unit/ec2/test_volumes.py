"""The EBS volume with a stack's data: found by its tags, and what the config would do to it is told or refused."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from infra.machines.aws import data_disk, kept
from infra.machines.aws.data_disk import DataDisk, Refused, moved
from infra.machines.aws.owner import owner_tags
from infra.machines.ec2 import volumes

REGION = "eu-central-1"
OWNER = owner_tags("launchpad", "ec2")
DISK = DataDisk("vol-0123456789abcdef0", 10, "eu-central-1a", attached=True, created="2026-11-27")
LOOSE = replace(DISK, attached=False)
KEY = "launchpad:ec2.data_disk"


class Aws:
    """An account with volumes, which keeps what it was asked for."""

    def __init__(self, *volumes: dict[str, Any]) -> None:
        self.volumes = volumes
        self.asked: list[Any] = []

    def __call__(self, *_where: str) -> "Aws":
        return self

    def get_paginator(self, name: str) -> "Aws":
        self.asked.append(name)
        return self

    def paginate(self, **filters: Any) -> list[dict[str, Any]]:
        self.asked.append(filters)
        return [{"Volumes": [each]} for each in self.volumes]


def volume(name: str = "vol-1", **more: Any) -> dict[str, Any]:
    made = datetime(2026, 11, 27, 12, tzinfo=UTC)
    return {"VolumeId": name, "Size": 10, "AvailabilityZone": "eu-central-1a", "CreateTime": made, **more}


def test_the_device_is_named_by_the_volumes_serial_number() -> None:
    assert data_disk.device("vol-0123456789abcdef0") == (
        "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0"
    )


def test_the_disk_is_found_by_the_tags_of_stack_and_machine() -> None:
    aws = Aws(volume(Attachments=[{"InstanceId": "i-1"}]))
    assert volumes.find(REGION, OWNER, "machine", aws) == replace(DISK, id="vol-1")
    assert aws.asked[0] == "describe_volumes"
    assert {each["Name"]: each["Values"] for each in aws.asked[1]["Filters"]} == {
        "tag:ManagedBy": ["pulumi"],
        "tag:Project": ["launchpad"],
        "tag:Stack": ["ec2"],
        "tag:Role": ["data of machine"],
        "status": ["creating", "available", "in-use"],
    }


def test_there_may_be_none_and_of_several_nobody_guesses() -> None:
    assert volumes.find(REGION, OWNER, "machine", Aws()) is None
    with pytest.raises(Refused) as caught:
        volumes.find(REGION, OWNER, "machine", Aws(volume("vol-1", Attachments=[]), volume("vol-2", Size=20)))
    assert str(caught.value) == (
        "2 disks have the tags of this stack's data disk: vol-1 (10 GB, of 2026-11-27), vol-2 (20 GB, of 2026-11-27); "
        "delete the one that is not wanted, or take the tag Role off it"
    )


@pytest.mark.parametrize(
    ("wanted", "disk", "said"),
    [
        (10, None, []),
        (10, DISK, []),
        (20, DISK, [f"DATA: the disk {DISK.id} grows from 10 to 20 GB in place; the machine runs on"]),
        (
            10,
            LOOSE,
            [f"DATA: the disk {LOOSE} of this stack is there: this machine gets it with all that is on it"],
        ),
        (
            20,
            LOOSE,
            [
                f"DATA: the disk {LOOSE} of this stack is there: this machine gets it with all that is on it; it keeps "
                "its size for now, and grows to 20 GB at the next `pulumi up`"
            ],
        ),
        (0, None, []),
        (
            0,
            LOOSE,
            [f"DATA: the disk {LOOSE} of this stack is there, and stays unused while launchpad:ec2.data_disk is 0"],
        ),
    ],
)
def test_what_becomes_of_the_disk_is_told(wanted: int, disk: DataDisk | None, said: list[str]) -> None:
    assert data_disk.told(KEY, wanted, disk, grows=True) == said


@pytest.mark.parametrize(
    ("wanted", "disk", "why"),
    [
        (
            5,
            DISK,
            "launchpad:ec2.data_disk is 5G, but vol-0123456789abcdef0 has 10 GB, and a volume cannot shrink; set it to 10G "
            "or more",
        ),
        (
            5,
            LOOSE,
            "launchpad:ec2.data_disk is 5G, but vol-0123456789abcdef0 has 10 GB, and a volume cannot shrink; set it to 10G "
            "or more",
        ),
        (
            0,
            DISK,
            "launchpad:ec2.data_disk is 0, but the machine has its data on vol-0123456789abcdef0 (10 GB, of 2026-11-27), and "
            "a machine cannot give up its data disk. Set the key to its size; to be rid of the disk, destroy the stack "
            "(launchpad:on_destroy says what becomes of the data) and bring it up again without one",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(wanted: int, disk: DataDisk, why: str) -> None:
    with pytest.raises(Refused) as caught:
        data_disk.told(KEY, wanted, disk, grows=True)
    assert str(caught.value) == why


@pytest.mark.parametrize(
    ("wanted", "disk", "said"),
    [
        (10, DISK, []),
        (20, DISK, ["launchpad:x is 20G, but the disk vol-0123456789abcdef0 keeps its 10 GB: AWS cannot resize it"]),
        (8, DISK, ["launchpad:x is 8G, but the disk vol-0123456789abcdef0 keeps its 10 GB: AWS cannot resize it"]),
        (
            10,
            LOOSE,
            ["DATA: the disk vol-0123456789abcdef0 (10 GB, of 2026-11-27) of this stack is there: this machine"],
        ),
        (
            8,
            LOOSE,
            [
                "DATA: the disk vol-0123456789abcdef0 (10 GB, of 2026-11-27) of this stack is there: this machine gets",
                "launchpad:x is 8G, but the disk vol-0123456789abcdef0 keeps its 10 GB: AWS cannot resize it",
            ],
        ),
    ],
)
def test_a_disk_that_cannot_grow_keeps_its_size(wanted: int, disk: DataDisk, said: list[str]) -> None:
    told = data_disk.told("launchpad:x", wanted, disk, grows=False)
    assert len(told) == len(said)
    assert all(line.startswith(begin) for line, begin in zip(told, said, strict=True))


def test_a_machine_is_where_its_data_is() -> None:
    assert moved("launchpad:ec2.subnet_id", "eu-central-1a", "eu-central-1a") == ""
    assert moved("launchpad:ec2.subnet_id", "eu-central-1b", "eu-central-1a") == (
        "launchpad:ec2.subnet_id puts the machine into eu-central-1b, but its data disk is in eu-central-1a, and a disk cannot "
        "leave its zone. Set the key so that the machine is in eu-central-1a; to move for good, bring up another stack there "
        "and carry the data over"
    )


def test_what_may_not_be_asked_is_told_and_other_errors_stop_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(error: Exception) -> Any:
        def find() -> DataDisk | None:
            raise error

        return find

    denied = ClientError({"Error": {"Code": "UnauthorizedOperation", "Message": "no"}}, "DescribeVolumes")
    told: list[str] = []
    monkeypatch.setattr("pulumi.log.warn", told.append)
    assert kept.look("launchpad:ec2.data_disk", failing(denied)) is None
    assert told == [
        "the credentials do not permit to look for the stack's data disk (UnauthorizedOperation): one that was kept is not "
        "found, and this machine gets a new one"
    ]
    with pytest.raises(
        Refused, match=r"cannot ask AWS for the stack's data disk \(launchpad:ec2.data_disk\): Unable to"
    ):
        kept.look("launchpad:ec2.data_disk", failing(NoCredentialsError()))
    odd = ClientError({"Error": {"Code": "Strange", "Message": "no"}}, "DescribeVolumes")
    with pytest.raises(Refused, match=r"Strange"):
        kept.look("launchpad:ec2.data_disk", failing(odd))
