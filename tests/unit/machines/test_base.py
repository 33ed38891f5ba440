"""Base images in the cache: which of them machines stand on."""

from pathlib import Path

import pytest

from infra.machines.embedded import base, driver, locks, record
from infra.machines.embedded.record import Record
from infra.machines.embedded.shell import MachineError


def machine(machines: Path, name: str, image: Path) -> None:
    """Write down a machine that stands on an image."""
    owner = {"clone": f"/home/{name}/launchpad", "project": "launchpad", "stack": "dev", "name": "machine"}
    record.save(
        machines,
        Record(
            id=name,
            owner=owner,
            suite="trixie",
            memory=2**30,
            cpus=None,
            disk=2**32,
            firewall=[],
            host_key="",
            authorized_key="",
            base=str(image),
            link="198.18.0.4/30",
        ),
    )


@pytest.fixture
def request_of_alice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the driver is asked with: a cache of alice's with an image in it, and a machine of bob on his own."""
    monkeypatch.setattr(locks, "DIRECTORY", tmp_path / "locks")
    for name in ("alice", "bob"):
        (tmp_path / name / "base/image").mkdir(parents=True)
    machine(tmp_path / "machines", "bob", tmp_path / "bob/base/image")
    return {"machines": str(tmp_path / "machines"), "cache": str(tmp_path / "alice")}


def test_machines_on_another_cache_do_not_count(tmp_path: Path, request_of_alice: dict[str, str]) -> None:
    assert driver.users_of_the_cache(request_of_alice) == {"machines": []}
    assert driver.clean(request_of_alice) == {"kept": []}
    assert not (tmp_path / "alice/base").exists()
    assert (tmp_path / "bob/base/image").is_dir()


def test_machines_on_this_cache_do_whatever_its_directory_is_called(
    tmp_path: Path, request_of_alice: dict[str, str]
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "alice")
    machine(tmp_path / "machines", "carol", tmp_path / "link/base/image")
    for cache in ("alice", "link"):
        request = {**request_of_alice, "cache": str(tmp_path / cache)}
        assert [one["id"] for one in driver.users_of_the_cache(request)["machines"]] == ["carol"]
        assert driver.clean(request) == {"kept": [str(tmp_path / cache / "base/image")]}
    assert (tmp_path / "alice/base/image").is_dir()


def test_a_machine_of_a_lost_state_is_neither_adopted_nor_removed(
    tmp_path: Path, request_of_alice: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "check_programs", lambda: None)
    bob = record.load(tmp_path / "machines", "bob")
    assert bob
    bob.made = True
    record.save(tmp_path / "machines", bob)
    (tmp_path / "machines/bob/disk.img").touch()
    spec = {"host_key": "another", "authorized_key": "", "disk": 2**32}
    with pytest.raises(
        MachineError, match=r"with keys that this stack's state does not have.*`make destroy` removes it"
    ):
        driver.ensure({**request_of_alice, "id": "bob", "spec": spec})
    assert record.load(tmp_path / "machines", "bob") == bob


def test_a_machine_without_an_image_stands_on_none(tmp_path: Path) -> None:
    assert not base.is_in(tmp_path, "")
