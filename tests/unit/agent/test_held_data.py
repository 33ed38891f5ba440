"""Counting the data of apps that do what they can to lead, block or flood whoever counts."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from infra.agent.system import held_data
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.protocol import paths
from infra.protocol.held_data import LATEST, HeldData

SOON = 3600.0


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data directory of an app named shop."""
    monkeypatch.setattr(paths, "HOMES", str(tmp_path))
    (tmp_path / "shop/data").mkdir(parents=True)
    return tmp_path / "shop/data"


def measured(seconds: float = SOON) -> HeldData:
    return held_data.measure(App("shop"), time.monotonic() + seconds)


def test_files_their_bytes_and_times(data: Path) -> None:
    (data / "media/2026").mkdir(parents=True)
    for name, text, when in (("db.sqlite3", "rows", 1000), ("media/2026/a.jpg", "image", 3000), ("x", "", 2000)):
        (data / name).write_text(text)
        os.utime(data / name, (9, when))
    assert measured() == HeldData("shop", 3, 9, 1000, 3000, complete=True)


def test_an_empty_directory_is_no_data_and_neither_is_one_that_is_not_there(data: Path) -> None:
    (data / "empty/inner").mkdir(parents=True)
    assert measured() == HeldData("shop", 0, 0, 0, 0, complete=True)
    (data / "empty/inner").rmdir()
    (data / "empty").rmdir()
    data.rmdir()
    assert measured().is_empty


def test_links_are_not_followed_and_a_fifo_keeps_nobody_waiting(data: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/file").write_text("root's")
    (data / "away").symlink_to(tmp_path / "secret")
    (data / "file").symlink_to(tmp_path / "secret/file")
    (data / "loop").symlink_to(".")
    os.mkfifo(data / "fifo")
    assert measured() == HeldData("shop", 0, 0, 0, 0, complete=True)


def test_a_link_in_place_of_the_directory_counts_as_unknown(data: Path, tmp_path: Path) -> None:
    data.rmdir()
    (tmp_path / "other").mkdir()
    data.parent.chmod(0o777)  # not root's alone, so the link may be anybody's
    data.symlink_to(tmp_path / "other")
    assert measured() == HeldData("shop", 0, 0, 0, 0, complete=False)


def test_what_is_too_deep_is_not_counted_and_that_is_said(data: Path) -> None:
    handle = os.open(data, os.O_RDONLY)
    for _ in range(held_data.DEEPEST + 50):
        os.mkdir("d", dir_fd=handle)
        inner = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(os.open("deep", os.O_CREAT | os.O_WRONLY, dir_fd=handle))
    os.close(handle)
    (data / "top").write_text("here")
    found = measured()
    assert (found.files, found.size, found.complete) == (1, 4, False)


def test_it_stops_when_its_time_is_over(data: Path) -> None:
    (data / "file").write_text("here")
    assert measured(-1.0) == HeldData("shop", 0, 0, 0, 0, complete=False)


def test_a_database_counts_and_one_that_does_not_answer_may_hold_anything(data: Path) -> None:
    assert held_data.measure(App("shop"), time.monotonic() + SOON, (3, 900)) == HeldData(
        "shop", 0, 0, 0, 0, complete=True, tables=3, database_size=900
    )
    silent = held_data.measure(App("shop"), time.monotonic() + SOON, (-1, 0))
    assert (silent.tables, silent.is_empty) == (-1, False)
    assert data.is_dir()


def test_times_that_are_no_dates_are_the_nearest_that_are(data: Path) -> None:
    for name, when in (("old", -(10**9)), ("new", 10**10)):
        (data / name).touch()
        os.utime(data / name, (0, when))
    found = measured()
    assert (found.oldest, found.newest) == (0, min(LATEST, int((data / "new").stat().st_mtime)))
    assert found.line().startswith("shop: 2 files, 0 bytes in ")


@pytest.mark.usefixtures("data")
def test_every_app_with_data_is_found_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "blog/data").mkdir(parents=True)
    (tmp_path / "Not an app/data").mkdir(parents=True)
    (tmp_path / "www").mkdir()
    (tmp_path / "file").touch()
    assert [app.name for app in held_data.apps()] == ["blog", "shop"]


def test_without_its_disk_nobody_says_that_there_is_no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "DATA_DISK", str(tmp_path))
    with pytest.raises(Failure, match=f"the disk for data is not mounted at {tmp_path}: nobody can tell what is on it"):
        held_data.check_disk()
    monkeypatch.setattr(paths, "DATA_DISK", "/proc")
    held_data.check_disk()
