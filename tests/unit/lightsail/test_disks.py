"""The disk with a stack's data on Lightsail: found by its tags, known on the machine by what AWS calls it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from infra.machines.aws.data_disk import DataDisk, Refused
from infra.machines.lightsail import disks
from tests.unit.lightsail.account import OURS, OWNER, Account

ROLE = [{"key": "Role", "value": "data of machine"}]
BY_ID = "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol"


def disk(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "sizeInGb": 8,
        "location": {"availabilityZone": "eu-central-1a"},
        "tags": [*OURS, *ROLE],
        "createdAt": datetime(2026, 11, 27, 12, tzinfo=UTC),
        "isAttached": False,
        **more,
    }


def found(*there: dict[str, Any]) -> DataDisk | None:
    return disks.find("eu-central-1", OWNER, "machine", Account(get_disks={"disks": list(there)}))


def test_the_disk_is_found_by_the_tags_of_stack_and_machine() -> None:
    others = [disk("other", tags=OURS), disk("theirs", tags=ROLE)]
    assert found(*others) is None
    assert found(*others, disk("data-1")) == DataDisk(
        "data-1", 8, "eu-central-1a", attached=False, created="2026-11-27"
    )
    attached = found(disk("data-1", isAttached=True))
    assert attached is not None
    assert attached.attached


def test_of_several_nobody_guesses() -> None:
    with pytest.raises(Refused, match="2 disks have the tags of this stack's data disk: data-1 "):
        found(disk("data-1"), disk("data-2"))


@pytest.mark.parametrize(
    ("support_code", "paths"),
    [
        ("123456789012/vol-0ff41e8ee0f8f5e1f", f"{BY_ID}0ff41e8ee0f8f5e1f,/dev/xvdf"),
        ("", "/dev/xvdf"),
        ("123456789012/disk-7", "/dev/xvdf"),
        ("vol-0ff41e8ee0f8f5e1f", "/dev/xvdf"),
        ("1/vol-0ff41e8ee0f8f5e1f,/dev/sda", "/dev/xvdf"),
    ],
)
def test_the_machine_knows_the_disk_by_its_serial_number_or_where_it_is_attached(support_code: str, paths: str) -> None:
    assert disks.devices(support_code) == paths


def test_the_price_is_told() -> None:
    assert disks.price(32) == "The data disk of 32 GB costs $3.20 a month (US dollars, before tax)"
