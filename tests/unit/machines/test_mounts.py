"""A machine's mount namespace has what the machine needs, and nothing of the other machines and of people's disks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infra.machines.embedded import container, disk, growth, mounts, superblock
from infra.machines.embedded.record import Record, save
from infra.machines.embedded.shell import MachineError
from infra.machines.embedded.state import Owner
from infra.machines.embedded.superblock import Superblock

MOUNTINFO = r"""22 27 0:21 / /proc rw shared:5 - proc proc rw
23 27 0:22 / /sys rw - sysfs sysfs rw
27 1 254:0 / / rw - ext4 /dev/vda rw
29 27 0:26 / /run rw - tmpfs tmpfs rw
30 29 0:27 / /run/user/1000 rw - tmpfs tmpfs rw
31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw
32 27 0:29 / /groups rw - cgroup cgroup rw,cpu
33 27 8:1 / /var rw - ext4 /dev/sda1 rw
34 27 8:2 / /home rw - ext4 /dev/sda2 rw
35 27 8:3 / /etc/resolv.conf rw - ext4 /dev/sda3 rw
36 27 8:17 / /media/my\040disk rw - vfat /dev/sdb1 rw
42 33 7:0 / /var/lib/launchpad/machines/lp00000002/disk rw - ext4 /dev/loop0 rw
45 33 0:39 / /var/lib/launchpad/machines/lp00000002/root rw - overlay lp00000002 rw
46 33 0:40 / /var/lib/launchpad/machines/lp0000000 rw - tmpfs x rw
"""


def test_what_nothing_needed_lies_on_goes_and_the_last_mounted_goes_first() -> None:
    needed = [
        "/var/lib/launchpad/machines/lp00000001",
        "/home/a/.cache/launchpad/base/trixie",
        "/usr/bin",
        "/run/systemd",
    ]

    assert mounts.unneeded(MOUNTINFO, needed) == [
        "/var/lib/launchpad/machines/lp0000000",
        "/var/lib/launchpad/machines/lp00000002/root",
        "/var/lib/launchpad/machines/lp00000002/disk",
        "/media/my disk",
        "/run/user/1000",
    ]


def block(size: int, mounted: int, scale: int = 2, wide: bool = False) -> bytes:
    """The first kilobyte of an ext4 superblock."""
    data = bytearray(1024)
    blocks = size // (1024 << scale)
    data[0x4:0x8] = (blocks & 0xFFFFFFFF).to_bytes(4, "little")
    data[0x18:0x1C] = scale.to_bytes(4, "little")
    data[0x2C:0x30] = mounted.to_bytes(4, "little")
    data[0x38:0x3A] = b"\x53\xef"
    if wide:
        data[0x60] = 0x80
        data[0x150:0x154] = (blocks >> 32).to_bytes(4, "little")
    return bytes(data)


@pytest.mark.parametrize(("size", "scale", "wide"), [(2**30, 2, False), (400 * 2**20, 0, False), (2**45, 2, True)])
def test_the_size_of_a_file_system(size: int, scale: int, wide: bool) -> None:
    assert superblock.parse(block(size, 1_700_000_000, scale, wide)) == Superblock(size, 1_700_000_000)


@pytest.mark.parametrize("data", [b"", b"\0" * 1024, block(2**30, 1)[:1000]])
def test_what_is_not_a_file_system(data: bytes) -> None:
    assert superblock.parse(data) is None


@pytest.fixture
def machine(tmp_path: Path) -> Record:
    """A machine of one gigabyte, on record."""
    owner = Owner("/home/a/launchpad", "launchpad", "dev", "machine")
    made = Record("lp00000001", owner, "trixie", memory=2**30, disk=2**30, host_key="", authorized_key="")
    save(tmp_path, made)
    (tmp_path / made.id / "disk.img").write_bytes(b"\0" * 1024 + block(2**30, 1_000))
    return made


def test_a_smaller_disk_is_refused_with_the_key_and_both_sizes(tmp_path: Path, machine: Record) -> None:
    growth.refuse_to_shrink(tmp_path, machine, 2**30)

    with pytest.raises(
        MachineError, match=r"^launchpad:embedded.disk is 512M, but the machine's disk has 1G, .*to 1G or more"
    ):
        growth.refuse_to_shrink(tmp_path, machine, 2**29)


def test_a_disk_that_a_killed_run_grew_counts_as_large_as_it_is(tmp_path: Path, machine: Record) -> None:
    (tmp_path / machine.id / "disk.img").write_bytes(b"\0" * 1024 + block(2**31, 1_000))

    assert growth.size(tmp_path, machine) == 2**31


def test_a_machine_of_an_older_version_that_keeps_the_disk_is_named_with_what_to_do(
    tmp_path: Path, machine: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = {11: 900, 12: 1_100, 13: 1_200}
    for number, pid in enumerate(began, start=2):
        owner = replace(machine.owner, stack=f"stack{pid}")
        save(tmp_path, replace(machine, id=f"lp0000000{number}", pid=pid, owner=owner))
    monkeypatch.setattr(container, "is_running", lambda one: one.pid in began)
    monkeypatch.setattr(container, "began", began.get)
    monkeypatch.setattr(mounts, "namespace", lambda pid="self": "mnt:[2]" if pid == 13 else "mnt:[1]")
    monkeypatch.setattr(mounts, "holders", lambda *_: iter(()))
    monkeypatch.setattr(disk, "attached", lambda _: "/dev/loop0")
    monkeypatch.setattr(disk, "number", lambda _: "7:0")
    monkeypatch.setattr(superblock, "read", lambda _: Superblock(2**30, 1_000))
    monkeypatch.setattr(growth, "may_resize", lambda: False)

    with pytest.raises(MachineError) as caught:
        growth.check(tmp_path, machine, 2**31)
    assert str(caught.value) == (
        f"The disk {tmp_path}/lp00000001/disk.img cannot grow: it stays in use by machine lp00000003 (stack stack12 of "
        "/home/a/launchpad), which an older version of Launchpad started while this disk was in use. Shut it down with "
        "`launchpad ssh -- sudo poweroff` and start it with `launchpad up` in its clone, then run this command again; both "
        "machines keep their disks."
    )


def test_a_disk_larger_than_the_whole_file_system_is_refused_and_one_larger_than_what_is_free_is_said(
    tmp_path: Path, machine: Record, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"total": 10 * 2**30, "free": 5 * 2**30})
    monkeypatch.setattr("infra.machines.embedded.disk.shutil.disk_usage", lambda _: usage)
    growth.check(tmp_path, machine, 4 * 2**30)
    assert capsys.readouterr().err == ""
    growth.check(tmp_path, machine, 6 * 2**30)
    said = capsys.readouterr().err
    assert f"the disk may take up to 6G, but {tmp_path}/lp00000001 has only 5G free" in said
    assert "LAUNCHPAD_MACHINES" in said

    with pytest.raises(
        MachineError,
        match=r"launchpad:embedded.disk is 11G, but the file system of .* has only 10G in total.*LAUNCHPAD_MACHINES",
    ):
        growth.check(tmp_path, machine, 11 * 2**30)
