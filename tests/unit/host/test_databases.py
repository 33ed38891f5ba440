"""SQLite beside the code: found where ``release:`` wrote it, and only there."""

import getpass
import os
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from infra.host import databases, sh
from infra.host.failure import Failure
from infra.host.layout import App


def found(root: Path, since: float) -> list[str]:
    """What the search lists, by name; run as the user that runs the tests."""
    words = databases.search(getpass.getuser(), root, since)
    plain = words[words.index("find") :]
    listed = subprocess.run(plain, capture_output=True, text=True, check=False).stdout
    return sorted(path.removeprefix(f"{root}/") for path in listed.split("\0") if path)


def database(path: Path) -> None:
    """A SQLite database with a table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as connection:
        connection.execute("create table n (i)")


def test_only_databases_written_since_the_release_process_began_are_found(tmp_path: Path) -> None:
    database(tmp_path / "committed.db")
    os.utime(tmp_path / "committed.db", (1_700_000_000, 1_700_000_000))
    since = time.time() - 60
    database(tmp_path / "db.sqlite3")
    database(tmp_path / "instance/odd name\n.sqlite")
    database(tmp_path / ".venv/lib/cache.db")
    (tmp_path / "notes.db").write_text("no database\n")
    (tmp_path / "empty.sqlite3").touch()
    (tmp_path / "link.db").symlink_to(tmp_path / "db.sqlite3")
    os.mkfifo(tmp_path / "pipe.db")
    assert found(tmp_path, since) == ["db.sqlite3", "instance/odd name\n.sqlite"]


def test_the_refusal_names_the_database_and_where_data_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = sh.Done(0, f"{tmp_path}/db.sqlite3\0", "")
    monkeypatch.setattr(sh, "run", lambda *_, **__: done)
    with pytest.raises(Failure) as refused:
        databases.check(App("shop"), tmp_path, 0)
    assert str(refused.value).splitlines()[0] == (
        "The release process wrote a SQLite database beside the code: db.sqlite3."
    )
    assert "Keep it in $DATA_DIR (/srv/shop/data)" in str(refused.value)
