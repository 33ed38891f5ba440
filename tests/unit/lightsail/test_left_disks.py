"""A disk or a snapshot that one stack has left on Lightsail is what another begins with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from infra.machines.aws.data_disk import Refused
from infra.machines.aws.left import Target
from infra.machines.aws.owner import owner_tags
from infra.machines.lightsail import disks, left_disks
from tests.unit.lightsail.account import error

REGION = "eu-central-1"
TARGET = Target(REGION, owner_tags("launchpad", "next"), "machine", zone=f"{REGION}a")
TAGS = [{"key": name, "value": value} for name, value in TARGET.tags().items()]
THEN = datetime(2026, 11, 27, 12, tzinfo=UTC)


class Lightsail:
    """An account with disks and snapshots, which makes a disk of a snapshot in two steps."""

    def __init__(self) -> None:
        self.disks: dict[str, dict[str, Any]] = {}
        self.snapshots = {
            "data-1-last": {"name": "data-1-last", "sizeInGb": 8, "state": "completed", "createdAt": THEN}
        }

    def __call__(self, *_where: str) -> Lightsail:
        return self

    def disk(self, name: str, zone: str = f"{REGION}a", **more: Any) -> None:
        placed = {"location": {"availabilityZone": zone}, "sizeInGb": 8, "isAttached": False}
        tags = [
            {"key": name, "value": value}
            for name, value in {**owner_tags("launchpad", "prod"), "Role": "data of machine"}.items()
        ]
        self.disks[name] = {"name": name, "tags": tags, "state": "available", "createdAt": THEN, **placed, **more}

    def get_paginator(self, name: str) -> Any:
        account = self

        class Pages:
            def paginate(self) -> list[Any]:
                if name == "get_disks":
                    return [{"disks": list(account.disks.values())}]
                return [{"diskSnapshots": list(account.snapshots.values())}]

        return Pages()

    def get_disk(self, diskName: str) -> Any:
        if diskName not in self.disks:
            raise error("NotFoundException")
        return {"disk": self.disks[diskName]}

    def get_disk_snapshot(self, diskSnapshotName: str) -> Any:
        if diskSnapshotName not in self.snapshots:
            raise error("NotFoundException")
        return {"diskSnapshot": self.snapshots[diskSnapshotName]}

    def tag_resource(self, resourceName: str, tags: list[dict[str, str]]) -> None:
        known = {each["key"]: each["value"] for each in (*self.disks[resourceName]["tags"], *tags)}
        self.disks[resourceName]["tags"] = [{"key": key, "value": value} for key, value in known.items()]

    def create_disk_from_snapshot(self, **asked: Any) -> None:
        zone = asked["availabilityZone"]
        self.disk(asked["diskName"], zone, tags=asked["tags"], sizeInGb=asked["sizeInGb"], state="pending")

    def pass_time(self, _seconds: float) -> None:
        for each in self.disks.values():
            each["state"] = "available"


@pytest.fixture
def aws() -> Lightsail:
    return Lightsail()


def test_what_there_is_is_listed(aws: Lightsail) -> None:
    aws.disk("data-1", isAttached=True, attachedTo="web-1")
    aws.disk("data-2")
    aws.disk("other", tags=[])
    assert [
        (each.id, each.what, each.size, each.stack, each.state, each.place) for each in left_disks.listed(REGION, aws)
    ] == [
        ("data-1", "disk", 8, "launchpad/prod", "in use by web-1", f"{REGION}a"),
        ("data-2", "disk", 8, "launchpad/prod", "free", f"{REGION}a"),
        ("data-1-last", "snapshot", 8, "?", "taken on 2026-11-27", REGION),
    ]


def test_a_disk_that_nobody_uses_is_tagged_and_found(aws: Lightsail) -> None:
    aws.disk("data-2")
    assert left_disks.adopt(TARGET, "data-2", aws) == "data-2"
    found = disks.find(REGION, dict(TARGET.owner), "machine", aws)
    assert found is not None
    assert found.id == "data-2"
    with pytest.raises(Refused, match=r"this stack has the data disk data-2 \(8 GB, of 2026-11-27\) already"):
        left_disks.adopt(TARGET, "data-1-last", aws)


def test_a_snapshot_becomes_a_disk_in_the_machines_zone(aws: Lightsail) -> None:
    name = left_disks.adopt(TARGET, "data-1-last", aws, aws.pass_time)
    assert name.startswith("data-1-last-")
    made = aws.disks[name]
    assert (made["tags"], made["location"]["availabilityZone"], made["sizeInGb"]) == (TAGS, f"{REGION}a", 8)
    assert set(aws.snapshots) == {"data-1-last"}


def test_what_is_in_use_elsewhere_or_nowhere_is_refused(aws: Lightsail) -> None:
    aws.disk("data-1", isAttached=True, attachedTo="web-1")
    aws.disk("data-3", f"{REGION}b")
    aws.snapshots["half"] = {**aws.snapshots["data-1-last"], "state": "pending"}
    for name, why in (
        ("data-1", "data-1 is attached to web-1, which uses it"),
        ("data-3", f"launchpad:lightsail.zone puts the machine into {REGION}a, but its data disk is in {REGION}b"),
        ("none", f"{REGION} has no disk and no snapshot none"),
        ("half", "half is pending, not completed"),
    ):
        with pytest.raises(Refused, match=why):
            left_disks.adopt(TARGET, name, aws)
