"""Base images in the cache: which of them machines stand on."""

from dataclasses import replace
from pathlib import Path

import pytest

from infra.machines.embedded import adoption, base, computer, driver, locks, record
from infra.machines.embedded.answers import Kept, Machines
from infra.machines.embedded.record import Record
from infra.machines.embedded.requests import Adopt, CleanCache, Ensure, ListUsers, Place
from infra.machines.embedded.shell import MachineError
from infra.machines.embedded.state import MachineSpec, Owner


def machine(machines: Path, name: str, image: Path) -> None:
    """Write down a machine that stands on an image."""
    owner = Owner(f"/home/{name}/launchpad", "launchpad", "dev", "machine")
    record.save(
        machines,
        Record(
            id=name,
            owner=owner,
            suite="trixie",
            memory=2**30,
            disk=2**32,
            host_key="",
            authorized_key="",
            base=str(image),
            link="198.18.0.4/30",
        ),
    )


@pytest.fixture
def alice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Where the driver looks for her: a cache of alice's with an image in it, and a machine of bob on his own."""
    monkeypatch.setattr(locks, "DIRECTORY", tmp_path / "locks")
    for name in ("alice", "bob"):
        (tmp_path / name / "base/image").mkdir(parents=True)
    machine(tmp_path / "machines", "bob", tmp_path / "bob/base/image")
    return Place(tmp_path / "machines", tmp_path / "alice")


def test_machines_on_another_cache_do_not_count(tmp_path: Path, alice: Place) -> None:
    assert driver.users_of_the_cache(alice, ListUsers()) == Machines()
    assert driver.clean(alice, CleanCache()) == Kept()
    assert not (tmp_path / "alice/base").exists()
    assert (tmp_path / "bob/base/image").is_dir()


def test_machines_on_this_cache_do_whatever_its_directory_is_called(tmp_path: Path, alice: Place) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "alice")
    machine(tmp_path / "machines", "carol", tmp_path / "link/base/image")
    for cache in ("alice", "link"):
        place = replace(alice, cache=tmp_path / cache)
        assert [machine.id for machine in driver.users_of_the_cache(place, ListUsers()).machines] == ["carol"]
        assert driver.clean(place, CleanCache()) == Kept((str(tmp_path / cache / "base/image"),))
    assert (tmp_path / "alice/base/image").is_dir()


def test_a_machine_of_a_lost_state_is_neither_adopted_nor_removed(
    tmp_path: Path, alice: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computer, "check_programs", lambda: None)
    bob = record.load(tmp_path / "machines", "bob")
    assert bob
    bob.made = True
    record.save(tmp_path / "machines", bob)
    (tmp_path / "machines/bob/disk.img").touch()
    spec = MachineSpec("trixie", host_key="another", authorized_key="", memory=2**30, disk=2**32)
    with pytest.raises(
        MachineError, match=r"with keys that this stack's state does not have.*`make destroy` removes it"
    ):
        driver.ensure(alice, Ensure("bob", Owner(), "bob", "", spec))
    assert record.load(tmp_path / "machines", "bob") == bob
    assert driver.adopt(alice, Adopt("/no", "such", "stack")).machines == ()
    owner = bob.owner
    (found,) = driver.adopt(alice, Adopt(owner.clone, owner.project, owner.stack)).machines
    assert (found.id, found.adoptable) == ("bob", True)
    after = record.load(tmp_path / "machines", "bob")
    assert after
    assert adoption.is_due(after, Ensure("bob", Owner(), "bob", "", spec))
    assert not adoption.is_due(after, Ensure("bob", Owner(), "bob", "", replace(spec, host_key=bob.host_key)))


def test_a_machine_without_an_image_stands_on_none(tmp_path: Path) -> None:
    assert not base.is_in(tmp_path, "")
