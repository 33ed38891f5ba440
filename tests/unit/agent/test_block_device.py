"""A disk is formatted only if it is blank beyond doubt."""

import subprocess
from pathlib import Path

import pytest

from infra.agent.system import block_device
from infra.agent.system.failure import Failure

SIZE = 8 * 2**20


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "disk"
    with path.open("wb") as file:
        file.truncate(SIZE)
    return path


def write(disk: Path, at: int, data: bytes) -> None:
    with disk.open("r+b") as file:
        file.seek(at)
        file.write(data)


def test_a_disk_of_zeros_is_blank_and_gets_our_file_system(disk: Path) -> None:
    assert block_device.is_blank(disk)
    block_device.format_disk(disk)
    assert not block_device.is_blank(disk)
    shown = subprocess.run(["blkid", "-p", "-o", "export", disk], capture_output=True, text=True, check=True).stdout
    assert "LABEL=launchpad-data\n" in shown
    assert f"UUID={block_device.file_system(disk)}\n" in shown


def test_a_disk_with_bytes_that_nobody_knows_is_left_alone(disk: Path) -> None:
    write(disk, 4097, b"?")
    with pytest.raises(Failure, match=r"is not blank, and what is on it is unknown .* Nothing on it was changed"):
        block_device.is_blank(disk)


def test_an_empty_disk_is_not_blank(tmp_path: Path) -> None:
    path = tmp_path / "nothing"
    path.write_bytes(b"")
    with pytest.raises(Failure, match="is not blank"):
        block_device.is_blank(path)


@pytest.mark.parametrize(
    ("at", "data", "told"),
    [(510, b"\x55\xaa", "holds"), (4086, b"SWAPSPACE2", "holds swap"), (0, b"XFSB", "holds")],
    ids=["partitions", "swap", "another file system"],
)
def test_a_disk_with_something_else_is_neither_formatted_nor_mounted(
    disk: Path, at: int, data: bytes, told: str
) -> None:
    write(disk, at, data)
    if at == 510:
        write(disk, 446, b"\x00\x20\x21\x00\x83\x00\x20\x00\x00\x08\x00\x00\x00\x10\x00\x00")
    try:
        assert not block_device.is_blank(disk)
    except Failure as failure:
        assert "Nothing on it was changed" in str(failure)
        return
    with pytest.raises(Failure, match=told):
        block_device.file_system(disk)


def test_a_disk_that_does_not_appear_is_told_with_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_device, "ATTACH", 0.0)
    with pytest.raises(
        Failure, match=rf"The disk for data {tmp_path}/vdb does not appear on this machine. Is it attached"
    ):
        block_device.wait([tmp_path / "vdb"])
    with pytest.raises(Failure, match=rf"The disk for data {tmp_path}/vdb or {tmp_path}/vdc does not appear"):
        block_device.wait([tmp_path / "vdb", tmp_path / "vdc"])


def test_a_disk_is_known_by_the_first_of_its_paths_that_is_a_block_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file or a folder of that name is none; which are is decided here, as a test has no device to make."""
    here = [tmp_path / name for name in ("by-id", "xvdf", "xvdg")]
    here[0].touch()
    monkeypatch.setattr(block_device, "_is_block_device", lambda path: path in here[1:])
    assert block_device.wait(here) == here[1]
