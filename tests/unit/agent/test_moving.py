"""Moving data to another disk: every byte is there, whenever it is killed, and nothing is decided where both have some."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.agent.system import disk_ids, moving, owned, paths, same_trees, sh
from infra.agent.system.failure import Failure
from infra.agent.system.moving import Place

DISK = "d1" * 16


class Killed(BaseException):
    """The program ends at this moment."""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A place whose path has data; the programs run as they are, without the sandbox that needs systemd."""

    def copy(origin: Path, copied: Path) -> None:
        subprocess.run(["cp", "--archive", "--no-target-directory", origin, copied], check=True)

    def discard(directory: Path) -> None:
        subprocess.run(["rm", "-r", directory], check=True)

    monkeypatch.setattr(owned, "copy", copy)
    monkeypatch.setattr(owned, "discard", discard)
    monkeypatch.setattr(owned, "size", lambda _directory: 1000)
    monkeypatch.setattr(disk_ids, "identity", lambda: DISK)
    (tmp_path / "srv").mkdir()
    (tmp_path / "disk").mkdir()
    place = Place("The data of shop", tmp_path / "srv/data", tmp_path / "disk/apps/shop/data")
    fill(place.path)
    return place


def fill(path: Path) -> None:
    (path / "uploads").mkdir(parents=True)
    (path / "db.sqlite3").write_bytes(b"rows" * 1000)
    (path / "uploads/a b").write_text("file")
    (path / "uploads/link").symlink_to("/etc/shadow")
    (path / "uploads/twice").hardlink_to(path / "uploads/a b")
    os.mkfifo(path / "pipe")
    with (path / "sparse").open("wb") as file:
        file.truncate(10**12)
        file.seek(5 * 10**11)
        file.write(b"in the middle")


def contents(path: Path) -> dict[str, str]:
    found = {str(each.relative_to(path)): each for each in path.rglob("*")}
    return {
        name: str(each.readlink())
        if each.is_symlink()
        else each.read_text()
        if 0 < each.stat().st_size < 10**6 and each.is_file()
        else ""
        for name, each in sorted(found.items())
    }


def test_everything_is_on_the_disk_as_it_was_and_the_path_is_free(place: Place) -> None:
    before = contents(place.path)
    moving.move(place)
    assert contents(place.source) == before
    assert not place.path.exists()
    assert contents(place.former(DISK)) == before
    assert (place.source / "uploads/twice").stat().st_nlink == 2
    assert (place.source / "sparse").stat().st_blocks < 1000
    moving.forget(place)
    assert place.formers() == []


def test_a_place_without_data_is_made(place: Place) -> None:
    subprocess.run(["rm", "-r", place.path], check=True)
    moving.move(place)
    assert list(place.source.iterdir()) == []
    moving.move(place)


def test_data_that_a_new_machine_finds_on_the_disk_stays(place: Place) -> None:
    moving.move(place)
    moving.forget(place)
    (place.source / "row").write_text("new")
    place.path.mkdir()
    moving.move(place)
    assert (place.source / "row").read_text() == "new"


STEPS = ("copied", "compared", "synced", "renamed here", "renamed there")


@pytest.mark.parametrize("step", STEPS)
def test_a_move_that_is_killed_is_finished_by_the_next_one(
    place: Place, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = contents(place.path)

    def kill_after(owner: object, name: str, when: Callable[..., bool] = lambda *_: True) -> None:
        real = getattr(owner, name)

        def killing(*words: object) -> object:
            result = real(*words)
            if when(*words):
                raise Killed
            return result

        patch.setattr(owner, name, killing)

    with monkeypatch.context() as patch:
        if step == "copied":
            kill_after(owned, "copy")
        elif step == "compared":
            kill_after(same_trees, "difference")
        elif step == "synced":
            kill_after(moving, "_sync")
        else:
            there = step == "renamed there"
            kill_after(Path, "rename", lambda path, _: (path == place.staging) is there)
        with pytest.raises(Killed):
            moving.move(place)
    moving.move(place)
    assert contents(place.source) == before
    assert not place.path.exists()
    assert not place.staging.exists()


def test_what_the_app_wrote_after_a_killed_move_is_moved_too(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def killing(*_: object) -> str:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(same_trees, "difference", killing)
        with pytest.raises(Killed):
            moving.move(place)
    (place.path / "later").write_text("row")
    moving.move(place)
    assert (place.source / "later").read_text() == "row"


def test_where_both_have_data_nothing_is_changed(place: Place) -> None:
    place.source.mkdir(parents=True)
    (place.source / "theirs").write_text("row")
    with pytest.raises(Failure, match=r"is in .*/srv/data on the machine's own disk, and in .*/disk/apps/shop/data on"):
        moving.move(place)
    assert (place.source / "theirs").read_text() == "row"
    assert (place.path / "db.sqlite3").exists()


def test_what_was_being_moved_to_another_disk_is_not_lost_to_this_one(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    moving.move(place)
    monkeypatch.setattr(disk_ids, "identity", lambda: "e2" * 16)
    with pytest.raises(Failure, match=r"data.moved-d1d1d1d1d1d1 on the machine's own disk"):
        moving.move(place)
    assert (place.former(DISK) / "db.sqlite3").exists()


def test_a_disk_that_is_too_small_is_refused_before_anything_is_copied(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owned, "size", lambda _directory: 10**15)
    with pytest.raises(Failure, match=r"The data of shop takes 1000000000 MB, and the disk for data has \d+ MB free"):
        moving.move(place)
    assert not place.staging.exists()
    assert (place.path / "db.sqlite3").exists()


def test_a_copy_that_differs_is_not_used(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    real = owned.copy

    def copy(origin: Path, copied: Path) -> None:
        real(origin, copied)
        (origin / "db.sqlite3").write_bytes(b"rowz" * 1000)

    monkeypatch.setattr(owned, "copy", copy)
    with pytest.raises(Failure, match=r"\./db\.sqlite3 differs"):
        moving.move(place)
    assert not place.source.exists()
    assert (place.path / "db.sqlite3").exists()


def same(first: Path, second: Path) -> str:
    handles = [paths.open_directory(path) for path in (first, second)]
    try:
        return same_trees.difference(handles[0], handles[1])
    finally:
        for handle in handles:
            os.close(handle)


def another_target(top: Path) -> None:
    (top / "uploads/link").unlink()
    (top / "uploads/link").symlink_to("/x")


def another_kind(top: Path) -> None:
    (top / "pipe").unlink()
    (top / "pipe").write_text("")


def byte_in_hole(top: Path) -> None:
    with (top / "sparse").open("r+b") as file:
        file.seek(10**9)
        file.write(b"x")


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a byte": (lambda top: (top / "db.sqlite3").write_bytes(b"rowz" * 1000), "./db.sqlite3"),
    "a byte in a hole": (byte_in_hole, "./sparse"),
    "a name": (lambda top: (top / "uploads/new").write_text(""), "./uploads"),
    "a target": (another_target, "./uploads/link"),
    "a mode": (lambda top: (top / "uploads").chmod(0o711), "./uploads"),
    "a kind": (another_kind, "./pipe"),
    "a time": (lambda top: os.utime(top / "db.sqlite3", (1, 1)), "./db.sqlite3"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_trees_are_compared_in_everything(place: Place, tmp_path: Path, name: str) -> None:
    copied = tmp_path / "copied"
    subprocess.run(["cp", "-a", place.path, copied], check=True)
    assert same(place.path, copied) == ""
    change, where = CHANGES[name]
    before = {path: path.stat().st_mtime_ns for path in copied.rglob("*") if path.is_file()}
    change(copied)
    if name.startswith("a byte"):
        for path, when in before.items():
            os.utime(path, ns=(when, when))
    assert same(place.path, copied) == where


def test_a_tree_that_is_nested_too_deeply_is_told() -> None:
    def deeper(*_: object) -> str:
        raise RecursionError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(same_trees, "_directories", deeper)
        with pytest.raises(Failure, match="nested too deeply"):
            same_trees.difference(0, 0)


def test_writing_to_the_disk_is_waited_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(sh, "run", lambda argv, **_: ran.append(" ".join(argv)))
    moving.move(place)
    assert ran == [
        f"sync --file-system -- {place.staging}",
        f"sync --file-system -- {place.path.parent}",
        f"sync --file-system -- {place.source.parent}",
    ]
