"""Where an app tried to write among its own files, one line says what to set."""

import pytest

from infra.agent.release import read_only

ROOT = "/srv/shop/releases/abc"
FILES = {"": {"app.py": False, "shop.db": False}, "shop": {"views.py": False}, "shop/up": {".gitkeep": False}}
SET = "The files of a release are read-only: set launchpad:persist to "


def hint(*lines: str, persist: tuple[str, ...] = (), files: dict[str, dict[str, bool]] = FILES) -> str:
    """The hint for a log."""
    return read_only.hint(lines, ROOT, persist, lambda folder: files.get(folder, {}))


CASES = {
    f"OSError: [Errno 30] Read-only file system: '{ROOT}/instance'": f'{SET}["instance"].',
    "OSError: [Errno 30] Read-only file system: 'celerybeat-schedule'": f'{SET}["celerybeat-schedule"].',
    f"OSError: [Errno 30] Read-only file system: '{ROOT}/shop/up/a.png'": f'{SET}["shop/up"].',
    f"OSError: [Errno 30] Read-only file system: '{ROOT}/shop/a.png'": f'{SET}["shop/a.png"].',
    f"OSError: [Errno 30] Read-only file system: '{ROOT}/shop/db.sqlite3'": f'{SET}["shop/db.sqlite3"].',
    "mkdir: cannot create directory 'made': Read-only file system": f'{SET}["made"].',
    "mkdir: cannot create directory \u2018made\u2019: Read-only file system": f'{SET}["made"].',
    "bash: line 1: out.txt: Read-only file system": f'{SET}["out.txt"].',
    "sqlite3.OperationalError: attempt to write a readonly database": f'{SET}["shop.db"].',
    "OSError: [Errno 30] Read-only file system: '/usr/x'": (
        "The files of a release are read-only: have it write to $DATA_DIR, or set launchpad:persist to the path."
    ),
    "all is well": "",
}


@pytest.mark.parametrize("line", CASES)
def test_the_line_names_the_path(line: str) -> None:
    assert hint("before", line, "after") == CASES[line]


def test_what_is_set_already_stays_in_the_list() -> None:
    assert hint("[Errno 30] Read-only file system: 'b'", persist=("a",)) == f'{SET}["a", "b"].'


def test_a_database_that_is_not_found_is_named_in_general() -> None:
    assert hint("unable to open database file", files={}) == (
        "If its database lies among its own files, which are read-only: set launchpad:persist to the path, "
        'such as ["db.sqlite3"], or keep it in $DATA_DIR.'
    )
