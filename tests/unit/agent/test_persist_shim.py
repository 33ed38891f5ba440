"""Links to ``$DATA_DIR``: what is there stays, and what the commit brings is copied the first time only."""

import os
from pathlib import Path

import pytest

from infra.agent.process import persist_shim
from infra.agent.process.persist_shim import Copied, Refused, keep


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """An app's directory and its data directory."""
    root, data = tmp_path / "root", tmp_path / "data"
    root.mkdir()
    data.mkdir()
    return root, data


def test_a_folder_that_nobody_has_is_made(places: tuple[Path, Path]) -> None:
    root, data = places
    assert keep(root, data, "a/media/") == Copied()
    assert (root / "a/media").readlink() == data / "a/media"
    (root / "a/media/x").write_text("x")
    assert (data / "a/media/x").read_text() == "x"


def test_a_file_that_nobody_has_is_made_by_the_app(places: tuple[Path, Path]) -> None:
    root, data = places
    keep(root, data, "var/db.sqlite3")
    assert not (data / "var/db.sqlite3").exists()
    (root / "var/db.sqlite3").write_text("x")
    assert (data / "var/db.sqlite3").read_text() == "x"


def test_what_the_commit_brings_is_copied_the_first_time_only(places: tuple[Path, Path]) -> None:
    root, data = places
    (root / "db.sqlite3").write_text("first")
    assert keep(root, data, "db.sqlite3").new == 1
    (data / "db.sqlite3").write_text("written")
    (root / "db.sqlite3").unlink()
    (root / "db.sqlite3").write_text("second")
    assert keep(root, data, "db.sqlite3") == Copied(0, ["db.sqlite3"])
    assert (root / "db.sqlite3").read_text() == "written"
    assert sorted(path.name for path in data.iterdir()) == ["db.sqlite3"]


def test_of_a_folder_only_missing_entries_are_copied(places: tuple[Path, Path]) -> None:
    root, data = places
    for name, text in {"same": "s", "changed": "ours", "sub/new": "n", "taken/x": "x"}.items():
        (root / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "d" / name).write_text(text)
    (root / "d/link").symlink_to("same")
    (data / "d").mkdir()
    (data / "d/same").write_text("s")
    (data / "d/changed").write_text("theirs")
    (data / "d/taken").write_text("a file")
    copied = keep(root, data, "d/")
    assert copied == Copied(2, ["d/changed"])
    assert (
        copied.text()
        == "; 2 files of the commit copied there; not changed there, though the commit has others: d/changed"
    )
    assert {path.name: path.read_text() for path in (data / "d").iterdir() if path.is_file()} == {
        "same": "s",
        "changed": "theirs",
        "taken": "a file",
        "link": "s",
    }
    assert (data / "d/sub/new").read_text() == "n"
    assert (data / "d/link").is_symlink()


def test_a_link_of_the_commit_gives_way(places: tuple[Path, Path]) -> None:
    root, data = places
    (root / "media").symlink_to("/nowhere")
    keep(root, data, "media/")
    assert (root / "media").readlink() == data / "media"
    keep(root, data, "media/")
    assert (root / "media").readlink() == data / "media"


def test_nothing_waits_for_a_pipe(places: tuple[Path, Path]) -> None:
    root, data = places
    (root / "d").mkdir()
    (root / "d/file").write_text("x")
    os.mkfifo(root / "d/ours")
    (data / "d").mkdir()
    os.mkfifo(data / "d/file")
    assert keep(root, data, "d/") == Copied()


def test_a_file_in_place_of_a_folder_is_refused(places: tuple[Path, Path]) -> None:
    root, data = places
    (root / "d").mkdir()
    (data / "d").write_text("x")
    with pytest.raises(Refused) as refused:
        keep(root, data, "d/")
    assert str(refused.value) == (
        "d is a folder in the commit or by its name, but $DATA_DIR/d is a file: "
        "move that away, or change launchpad:persist."
    )
    assert (root / "d").is_dir()


def test_it_says_what_it_did(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root, data = places
    (root / "notes.db").write_text("x")
    (data / "bad").write_text("x")
    monkeypatch.setattr("sys.argv", ["persist", str(root), str(data), "notes.db", "media/"])
    assert persist_shim.main() == 0
    assert capsys.readouterr().out.splitlines() == [
        "notes.db is kept in $DATA_DIR; 1 file of the commit copied there",
        "media is kept in $DATA_DIR",
    ]
    monkeypatch.setattr("sys.argv", ["persist", str(root), str(data), "bad/x"])
    assert persist_shim.main() == 1
    assert "bad" in capsys.readouterr().out


def test_a_folder_that_the_release_before_kept_is_one_without_being_called_so(places: tuple[Path, Path]) -> None:
    root, data = places
    (data / "media").mkdir()
    assert keep(root, data, "media") == Copied()
    assert (root / "media").readlink() == data / "media"
