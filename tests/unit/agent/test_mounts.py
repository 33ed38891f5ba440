"""Mounts: unit names as systemd-escape makes them, what is mounted where, and units that start nothing without a disk."""

from pathlib import Path

import pytest

from infra.agent.system import mounts
from infra.agent.system.mounts import Mounted

MOUNTINFO = r"""
20 1 0:20 / / rw,relatime - overlay lp01 rw
30 20 7:3 / /mnt/launchpad rw,relatime - ext4 /dev/loop3 rw
31 20 7:3 /apps/shop/data /srv/shop/data rw,nosuid,nodev - ext4 /dev/loop3 rw
32 20 0:20 /somewhere /srv/blog/data rw - overlay lp01 rw
33 20 7:3 /apps/old/data//deleted /srv/old/data rw - ext4 /dev/loop3 rw
34 20 0:20 /x /mnt/with\040space rw - overlay lp01 rw
"""[1:]
DISK = Path("/mnt/launchpad")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/mnt/launchpad", "mnt-launchpad.mount"),
        ("/srv/my-shop/data", r"srv-my\x2dshop-data.mount"),
        ("/var/lib/launchpad-proxy", r"var-lib-launchpad\x2dproxy.mount"),
        ("/.hidden", r"\x2ehidden.mount"),
        ("/a.b/_c:d", "a.b-_c:d.mount"),
        ("/é", r"\xc3\xa9.mount"),
        ("/", "-.mount"),
    ],
)
def test_units_of_mounts_are_called_as_systemd_calls_them(path: str, name: str) -> None:
    assert mounts.unit(Path(path)) == name


def test_what_is_mounted_is_read_from_the_kernels_list() -> None:
    assert mounts.found(DISK, MOUNTINFO) == Mounted("7:3", "/")
    assert mounts.found(Path("/mnt/with space"), MOUNTINFO) == Mounted("0:20", "/x")
    assert mounts.found(Path("/mnt"), MOUNTINFO) is None
    assert mounts.found(DISK, MOUNTINFO + MOUNTINFO.replace("7:3 / /mnt", "7:9 /sub /mnt")) == Mounted("7:9", "/sub")


@pytest.mark.parametrize(
    ("path", "source", "bound"),
    [
        ("/srv/shop/data", "apps/shop/data", True),
        ("/srv/shop/data", "apps/blog/data", False),
        ("/srv/blog/data", "apps/blog/data", False),
        ("/srv/old/data", "apps/old/data", False),
        ("/srv/new/data", "apps/new/data", False),
    ],
    ids=["bound", "another directory", "not of the disk", "removed from the disk", "not mounted"],
)
def test_a_place_is_bound_only_if_it_is_that_directory_of_that_disk(path: str, source: str, bound: bool) -> None:
    assert mounts.is_bound(Path(path), DISK, DISK / source, MOUNTINFO) is bound


def test_nothing_is_bound_without_the_disk() -> None:
    assert not mounts.is_bound(
        Path("/srv/shop/data"), DISK, DISK / "apps/shop/data", MOUNTINFO.replace("/mnt/l", "/x/l")
    )


def test_the_unit_of_a_place_starts_on_no_empty_directory_and_hinders_no_boot() -> None:
    text = mounts.bind_unit("The data of shop", Path("/srv/shop/data"), DISK, DISK / "apps/shop/data")
    assert "AssertPathIsMountPoint=/mnt/launchpad\nAssertPathExists=/mnt/launchpad/apps/shop/data\n" in text
    assert "What=/mnt/launchpad/apps/shop/data\nWhere=/srv/shop/data\nType=none\nOptions=bind,nosuid,nodev\n" in text
    assert "DefaultDependencies=no" in text
    assert "WantedBy=multi-user.target" in text
    assert "nofail" not in text


def test_the_disk_is_mounted_by_the_uuid_of_its_file_system_and_checked_before() -> None:
    text = mounts.device_unit("4f2c-11", DISK)
    assert "What=/dev/disk/by-uuid/4f2c-11\nWhere=/mnt/launchpad\nType=ext4\n" in text
    assert r"Requires=systemd-fsck@dev-disk-by\x2duuid-4f2c\x2d11.service" in text
    assert "local-fs.target" not in text
    assert "nofail" not in text
