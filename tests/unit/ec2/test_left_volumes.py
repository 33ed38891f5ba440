"""A volume or a snapshot that one stack has left is what another begins with; nothing that is in use changes hands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.machines.aws.data_disk import Refused
from infra.machines.aws.left import Target
from infra.machines.aws.owner import owner_tags
from infra.machines.ec2 import left_volumes, volumes

REGION = "eu-central-1"
TARGET = Target(REGION, owner_tags("launchpad", "next"), "machine", instance_type="t3.small")
FORMER = {**owner_tags("launchpad", "prod"), "Role": "data of machine"}


@pytest.fixture
def ec2(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An account of its own at moto."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield boto3.client("ec2", region_name=REGION)


def volume(ec2: Any, zone: str = f"{REGION}b", **tags: str) -> str:
    found = [{"Key": key, "Value": value} for key, value in (tags or FORMER).items()]
    specification = [{"ResourceType": "volume", "Tags": found}]
    return str(ec2.create_volume(AvailabilityZone=zone, Size=12, TagSpecifications=specification)["VolumeId"])


def snapshot(ec2: Any, of: str) -> str:
    tags = [{"Key": key, "Value": value} for key, value in FORMER.items()]
    specification = [{"ResourceType": "snapshot", "Tags": tags}]
    return str(ec2.create_snapshot(VolumeId=of, TagSpecifications=specification)["SnapshotId"])


def own(target: Target = TARGET) -> str:
    found = volumes.find(REGION, dict(target.owner), target.machine)
    return found.id if found else ""


def attached(ec2: Any, disk: str) -> str:
    image = ec2.describe_images()["Images"][0]["ImageId"]
    placed = {"AvailabilityZone": f"{REGION}b"}
    machine = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, Placement=placed)["Instances"][0]["InstanceId"]
    ec2.attach_volume(VolumeId=disk, InstanceId=machine, Device="/dev/sdf")
    return str(machine)


def test_what_there_is_is_listed_and_nothing_of_others(ec2: Any) -> None:
    disk = volume(ec2)
    volume(ec2, Role="something else")
    machine = attached(ec2, disk)
    taken = snapshot(ec2, disk)
    found = {each.id: each for each in left_volumes.listed(REGION)}
    assert set(found) == {disk, taken}
    assert (found[disk].what, found[disk].size, found[disk].stack, found[disk].place, found[disk].state) == (
        *("disk", 12, "launchpad/prod", f"{REGION}b"),
        f"in use by {machine}",
    )
    assert (found[taken].what, found[taken].stack, found[taken].place) == ("snapshot", "launchpad/prod", REGION)
    assert found[taken].state.startswith("taken on 20")


def test_a_volume_that_nobody_uses_is_found_by_the_next_up(ec2: Any) -> None:
    disk = volume(ec2)
    assert own() == ""
    assert left_volumes.adopt(TARGET, disk) == disk == own()
    assert own(replace(TARGET, owner=owner_tags("launchpad", "prod"))) == ""


def test_a_snapshot_becomes_a_volume_and_stays(ec2: Any) -> None:
    taken = snapshot(ec2, volume(ec2))
    disk = left_volumes.adopt(TARGET, taken)
    (made,) = ec2.describe_volumes(VolumeIds=[disk])["Volumes"]
    assert (made["SnapshotId"], made["Size"], made["AvailabilityZone"], made["Encrypted"]) == (
        *(taken, 12, f"{REGION}a", True),
    )
    assert own() == disk
    assert ec2.describe_snapshots(SnapshotIds=[taken])["Snapshots"][0]["State"] == "completed"


def test_what_is_in_use_or_has_no_room_is_refused(ec2: Any) -> None:
    used = volume(ec2)
    machine = attached(ec2, used)
    with pytest.raises(Refused, match=f"{used} is attached to {machine}, which uses it"):
        left_volumes.adopt(TARGET, used)
    for name in ("vol-0123456789abcdef0", "snap-0123456789abcdef0", "nonsense"):
        with pytest.raises(Refused, match=f"{REGION} has no volume and no snapshot {name}"):
            left_volumes.adopt(TARGET, name)
    left_volumes.adopt(TARGET, volume(ec2))
    taken = snapshot(ec2, used)
    for each in (volume(ec2), taken):
        with pytest.raises(Refused, match=rf"this stack has the data disk {own()} \(12 GB, of .*\) already"):
            left_volumes.adopt(TARGET, each)


def test_the_subnet_of_the_config_decides_the_zone(ec2: Any) -> None:
    subnets = {each["AvailabilityZone"]: each["SubnetId"] for each in ec2.describe_subnets()["Subnets"]}
    target = replace(TARGET, subnet=subnets[f"{REGION}c"])
    disk = volume(ec2)
    with pytest.raises(
        Refused, match=f"launchpad:ec2.subnet_id puts the machine into {REGION}c, but its data disk is in"
    ):
        left_volumes.adopt(target, disk)
    made = left_volumes.adopt(target, snapshot(ec2, disk))
    assert ec2.describe_volumes(VolumeIds=[made])["Volumes"][0]["AvailabilityZone"] == f"{REGION}c"
    with pytest.raises(Refused, match=r"launchpad:ec2\.subnet_id is subnet-0, which eu-central-1 does not have"):
        left_volumes.adopt(replace(TARGET, subnet="subnet-0"), disk)
