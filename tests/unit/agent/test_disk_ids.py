"""Whose files on the disk for data are, by name: a new machine gives its users the same ids where it can."""

import grp
import json
import pwd
from collections.abc import Iterable
from pathlib import Path

import pytest

from infra.agent.system import disk_ids, manifest, owned

NOBODY = (pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)


@pytest.fixture(autouse=True)
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(disk_ids, "FILE", tmp_path / "ids.json")
    monkeypatch.setattr(manifest, "FILE", tmp_path / "manifest.jsonl")
    return tmp_path / "ids.json"


def free_ids() -> tuple[int, int]:
    users, groups = {user.pw_uid for user in pwd.getpwall()}, {group.gr_gid for group in grp.getgrall()}
    return next(each for each in range(700, 999) if each not in users), next(
        each for each in range(700, 999) if each not in groups
    )


def test_without_a_disk_a_user_may_have_any_ids(disk: Path) -> None:
    assert disk_ids.wanted("shop") is None
    disk_ids.settle("nobody", [])
    assert not disk.exists()


def test_a_disk_keeps_its_id() -> None:
    first = disk_ids.begin()
    assert first == disk_ids.begin() == disk_ids.identity()
    assert len(first) == 32


@pytest.mark.parametrize(
    "users", [None, [], {"shop": 5}, {"shop": [1]}, {"shop": [0, 0]}, {"shop": ["1", "2"]}, {"blog": [700, 700]}]
)
def test_a_damaged_note_is_none(disk: Path, users: object) -> None:
    disk.write_text(json.dumps({"id": "x", "users": users}))
    assert disk_ids.noted("shop") is None


def test_a_new_user_gets_the_ids_that_its_files_have_unless_somebody_has_them(disk: Path) -> None:
    free = free_ids()
    disk.write_text(json.dumps({"id": "x", "users": {"shop": free, "blog": [NOBODY[0], free[1]], "log": [free[0], 2]}}))
    assert disk_ids.wanted("shop") == free
    assert disk_ids.wanted("blog") is None
    assert disk_ids.wanted("log") is None


def test_files_of_other_ids_are_given_to_the_user_once_and_then_noted(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []

    def give(directories: Iterable[Path], before: tuple[int, int], now: tuple[int, int]) -> None:
        assert disk_ids.noted("nobody") == before  # noted only when it is done
        given.append((list(directories), before, now))

    monkeypatch.setattr(owned, "give", give)
    disk.write_text(json.dumps({"id": "x", "users": {"nobody": [701, 702], "shop": [5, 6]}}))
    for _ in range(2):
        disk_ids.settle("nobody", [Path("/mnt/data")])
    assert given == [([Path("/mnt/data")], (701, 702), NOBODY)]
    assert json.loads(disk.read_text()) == {"id": "x", "users": {"nobody": list(NOBODY), "shop": [5, 6]}}
    disk_ids.forget("nobody")
    assert json.loads(disk.read_text()) == {"id": "x", "users": {"shop": [5, 6]}}
    assert disk.stat().st_mode & 0o777 == 0o600
