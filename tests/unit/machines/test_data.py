"""The records of disks for data: whose they are, what becomes of them, and what nobody is given by mistake."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from infra.machines.embedded import data, data_adoption, disk, driver, lifecycle, record
from infra.machines.embedded.data import Data
from infra.machines.embedded.record import Record
from infra.machines.embedded.requests import Check, Place
from infra.machines.embedded.shell import MachineError
from infra.machines.embedded.state import Owner

OWNER = Owner("/clone", "launchpad", "dev", "machine")
SIZE = 64 * 2**20


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machines directory beside which a disk for data is; no loop device is looked for."""
    monkeypatch.setattr(disk, "attached", lambda _image: "")
    monkeypatch.setattr(disk, "wait_until_unused", lambda _image: "")
    monkeypatch.setattr(disk, "need_space", lambda _place, _need: None)
    return tmp_path / "machines"


def machine(size: int = SIZE) -> Record:
    return Record("lp1", OWNER, "trixie", 2**30, 2**30, "host", "client", size)


def made(machines: Path, on_destroy: str = "") -> Data:
    found = data.claim(machines, "lp1", OWNER, on_destroy=on_destroy)
    data.provide(machines, machine(), SIZE, 0)
    return found


def test_disks_are_beside_the_machines_and_no_machine(machines: Path) -> None:
    made(machines)
    assert data.image(machines, "lp1") == machines.parent / "machines-data/lp1/data.img"
    assert data.size(machines, "lp1") == SIZE
    assert 0 < data.used(machines, "lp1") < SIZE
    assert not machines.exists()
    assert data.bind(machines, machine()) == [f"--bind={machines}-data/lp1/mount:/mnt/launchpad"]
    assert data.bind(machines, machine(0)) == []


def test_an_image_is_there_completely_or_not_at_all_and_never_made_again(machines: Path) -> None:
    data.claim(machines, "lp1", OWNER)
    (data.place(machines, "lp1") / ".data.img").write_bytes(b"half of an image")
    data.provide(machines, machine(), SIZE, 0)
    before = data.image(machines, "lp1").stat()
    data.provide(machines, machine(), 2 * SIZE, 0)
    assert data.image(machines, "lp1").stat() == before


@pytest.mark.parametrize("other", [replace(OWNER, clone="/x"), replace(OWNER, stack="prod"), replace(OWNER, name="n")])
def test_a_disk_stays_its_owners(machines: Path, other: Owner) -> None:
    made(machines)
    with pytest.raises(MachineError, match=r"belongs to stack dev of project launchpad in /clone, and not to this one"):
        data.claim(machines, "lp1", other)
    with pytest.raises(MachineError, match=r"belongs to stack dev of project launchpad in /clone, and not to this one"):
        driver.check(Place(machines, machines), Check("lp1", "trixie", 2**30, SIZE, other))
    assert data.load(machines, "lp1") == Data("lp1", OWNER)
    assert driver.check(Place(machines, machines), Check("lp1", "trixie", 2**30, SIZE, OWNER)).machine.state == "absent"


def test_data_of_nobody_is_given_to_nobody(machines: Path) -> None:
    made(machines)
    record = data.place(machines, "lp1") / "data.json"
    record.unlink()
    with pytest.raises(MachineError, match=r"holds data, and nothing says whose it is"):
        data.claim(machines, "lp1", OWNER)
    assert [each.owner for each in data.every(machines)] == [Owner()]
    record.write_text("{}")
    with pytest.raises(MachineError, match=r"data.json, which says whose the data beside it is, cannot be read"):
        data.claim(machines, "lp1", OWNER)
    assert data.owned_by(machines, OWNER) == []


def test_what_is_kept_is_found_by_the_next_up(machines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(machines)
    found = data.release(machines, "lp1", "keep")
    assert (found.state, found.owner, found.size) == ("kept", OWNER, SIZE)
    told = capsys.readouterr().err
    assert f"the disk for data stays: {machines}-data/lp1/data.img" in told
    assert "To remove it: .venv/bin/python -m infra.machines.embedded sweep --data --project launchpad" in told
    assert data.release(machines, "lp1", "keep").kept == found.kept
    data.claim(machines, "lp1", OWNER)
    assert f"the disk for data that was kept on {found.kept} is used again" in capsys.readouterr().err
    assert data.load(machines, "lp1") == Data("lp1", OWNER)


def test_a_snapshot_stays_and_the_disk_goes(machines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(machines)
    content = data.image(machines, "lp1").read_bytes()
    assert data.release(machines, "lp1", "snapshot").state == "absent"
    (copy,) = Path(f"{machines}-data/snapshots").glob("*.img")
    assert copy.read_bytes() == content
    assert json.loads(copy.with_suffix(".json").read_text())["owner"]["stack"] == "dev"
    assert f"the data stays as a snapshot: {copy}" in capsys.readouterr().err
    assert not data.place(machines, "lp1").exists()
    assert list(data.every(machines)) == []
    assert data.release(machines, "lp1", "snapshot").state == "absent"


@pytest.mark.parametrize("said", ["", "delete"])
def test_what_is_deleted_leaves_nothing(machines: Path, said: str) -> None:
    made(machines)
    assert data.release(machines, "lp1", said).state == "absent"
    assert list(machines.parent.iterdir()) == []
    assert data.release(machines, "lp1", said).state == "absent"


def test_a_disk_is_given_up_only_if_the_stack_says_so_and_does_not_shrink(machines: Path) -> None:
    def problems(wanted: int) -> list[str]:
        return data.problems(machines, "lp1", wanted, data.size(machines, "lp1"))

    assert problems(0) == []
    made(machines)
    assert problems(SIZE) == []
    assert problems(2 * SIZE) == []
    (told,) = problems(0)
    assert told.startswith("launchpad:embedded.data_disk is 0, and the machine's disk for data has ")
    assert "Set launchpad:embedded.data_disk to 64M or more. If the data may be lost: set launchpad:on_destroy" in told
    assert problems(SIZE // 2) == [
        "launchpad:embedded.data_disk is 32M, but the machine's disk has 64M, and a disk cannot shrink. Set "
        "launchpad:embedded.data_disk to 64M or more; for a smaller disk, destroy the machine and create it again."
    ]
    data.claim(machines, "lp1", OWNER, on_destroy="delete")
    assert problems(0) == []


def test_a_machine_does_not_start_without_its_disk(machines: Path) -> None:
    data.mount(machines, machine(0))
    with pytest.raises(
        MachineError, match=r"data.img is gone, so machine lp1 does not start: its apps would begin with"
    ):
        data.mount(machines, machine())


NEXT = replace(OWNER, clone="/new/clone")
THEIRS = "lp2"


def adopted(machines: Path, source: str, *, abandoned: bool = False) -> Data:
    return data_adoption.adopt(machines, source, THEIRS, NEXT, abandoned=abandoned)


def test_a_disk_that_is_kept_can_be_had_by_another_stack(machines: Path) -> None:
    made(machines, "keep")
    kept = data.release(machines, "lp1", "keep").kept
    content = data.image(machines, "lp1").read_bytes()
    data.claim(machines, THEIRS, NEXT)  # an up that failed before there was a machine
    assert adopted(machines, "lp1") == Data(THEIRS, NEXT, "", kept)
    assert data.load(machines, THEIRS) == Data(THEIRS, NEXT, "", kept)
    assert data.image(machines, THEIRS).read_bytes() == content
    assert not data.place(machines, "lp1").exists()
    assert [(each.id, each.owner) for each in data.every(machines)] == [(THEIRS, NEXT)]


def test_handing_over_may_be_killed_and_run_again(machines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(machines)
    data.release(machines, "lp1", "keep")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            adopted(machines, "lp1")
    (between,) = data.every(machines)
    assert (between.id, between.owner, bool(between.kept)) == ("lp1", NEXT, True)
    assert adopted(machines, "lp1").id == THEIRS
    assert data.image(machines, THEIRS).exists()


def test_a_stack_that_has_data_is_given_none_in_its_place(machines: Path) -> None:
    made(machines)
    data.release(machines, "lp1", "keep")
    data.claim(machines, THEIRS, NEXT)
    data.provide(machines, replace(machine(), id=THEIRS), SIZE, 0)
    with pytest.raises(
        MachineError, match=r"This stack has a disk for data of its own, lp2 \(.*\), and a machine has one"
    ):
        adopted(machines, "lp1")
    with pytest.raises(MachineError, match=r"lp2 is this stack's own disk for data; its next up finds it"):
        adopted(machines, THEIRS)
    with pytest.raises(MachineError, match=r"There is no disk for data and no snapshot lp9 here"):
        data_adoption.adopt(machines, "lp9", "lp3", NEXT, abandoned=False)


def test_a_disk_that_another_stack_uses_is_not_handed_over(
    machines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = replace(OWNER, clone=str(tmp_path))
    data.claim(machines, "lp1", there)
    data.provide(machines, machine(), SIZE, 0)
    for abandoned in (False, True):
        with pytest.raises(MachineError, match=rf"in {tmp_path}, and not to this one.* That stack is in use"):
            adopted(machines, "lp1", abandoned=abandoned)
    data.save(machines, Data("lp1", OWNER))
    record.save(machines, machine())
    with pytest.raises(MachineError, match=r"in /clone, .* That folder is not there any more") as caught:
        adopted(machines, "lp1")
    assert "launchpad data adopt lp1 --stack dev --abandoned, which removes its machine" in str(caught.value)
    assert data.load(machines, "lp1") == Data("lp1", OWNER)
    removed = []
    monkeypatch.setattr(lifecycle, "remove", lambda _machines, name, _record: removed.append(name))
    assert adopted(machines, "lp1", abandoned=True).owner == NEXT
    assert (removed, data.image(machines, THEIRS).exists()) == (["lp1"], True)


def test_a_snapshot_is_copied_and_stays(machines: Path) -> None:
    made(machines)
    content = data.image(machines, "lp1").read_bytes()
    data.release(machines, "lp1", "snapshot")
    (snapshot,) = data_adoption.snapshots(machines)
    assert (snapshot.state, snapshot.owner, snapshot.size) == ("snapshot", OWNER, SIZE)
    assert snapshot.id.startswith("lp1-2")
    assert snapshot.kept.endswith(" UTC")
    copied = adopted(machines, snapshot.id)
    assert (copied.id, copied.owner, copied.kept) == (THEIRS, NEXT, snapshot.kept)
    assert data.image(machines, THEIRS).read_bytes() == content == Path(snapshot.image).read_bytes()
    assert data.used(machines, THEIRS) < SIZE
    assert [each.id for each in data_adoption.snapshots(machines)] == [snapshot.id]
    assert [each.id for each in data.every(machines)] == [THEIRS]
