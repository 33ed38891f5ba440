"""Finds SQLite databases that a ``release:`` process wrote beside the code, where the running app cannot write."""

from __future__ import annotations

from pathlib import Path

from . import sh
from .failure import Failure
from .layout import App

NAMES = ("*.sqlite3", "*.sqlite", "*.db")
LIMIT = 300.0
"""Seconds that the search may take; the app can keep it busy."""
MAGIC = "^SQLite format 3"
"""The first bytes of every SQLite database (https://www.sqlite.org/fileformat.html, section 1.3)."""


def search(user: str, root: Path, since: float) -> list[str]:
    """The command that lists the databases of a tree that were written since a time, each path ended by a NUL.

    It runs as the app's user: the tree is the app's, and root follows nothing in it.
    """
    names = [word for name in NAMES for word in ("-o", "-name", name)][1:]
    return [
        *("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs"),
        *("find", str(root), "-xdev", "-name", ".venv", "-prune", "-o"),
        *("-type", "f", "-newermt", f"@{since:.3f}", "(", *names, ")"),
        *(
            "-exec",
            "grep",
            "--files-with-matches",
            "--null",
            "--text",
            "--devices=skip",
            "--max-count=1",
            MAGIC,
            "{}",
            "+",
        ),
    ]


def check(app: App, root: Path, since: float) -> None:
    """Refuse a release whose ``release:`` process wrote a database into its own tree.

    Args:
        app: The app.
        root: The app's root in the release's tree.
        since: When the process began, in seconds since the epoch.

    Raises:
        Failure: Names the databases and the place where data is kept.
    """
    listed = sh.run(search(app.user, root, since), timeout=LIMIT).out
    written = sorted(path.removeprefix(f"{root}/") for path in listed.split("\0") if path)
    if written:
        raise Failure(
            f"The release process wrote a SQLite database beside the code: {', '.join(written[:3])}.\n"
            "The running app can only read there, so every write would fail, and the next release would begin without "
            f"the data.\nKeep it in $DATA_DIR ({app.data}), which stays over releases; in Django's settings.py: "
            '"NAME": Path(os.environ.get("DATA_DIR", BASE_DIR)) / "db.sqlite3"'
        )
