"""Says what to set where an app tried to write among its own files, which are read-only to it."""

from __future__ import annotations

import json
import posixpath
import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.agent.process import missing_modules
from infra.agent.system import trees
from infra.agent.system.failure import Failure

DATABASE = ("readonly database", "unable to open database file")
"""What SQLite says where it cannot write."""
SIGNS = ("Read-only file system", "Errno 30", "EROFS", *DATABASE)
"""What a process logs that tries to write into its own release."""
QUOTED = re.compile(r"(?:Read-only file system|EROFS)[^'\"]{0,40}['\"](?P<path>[^'\"]+)['\"]")
BEFORE = re.compile(
    r"(?:['\u2018\"](?P<quoted>[^'\u2019\"]+)['\u2019\"]|(?P<plain>[^\s:'\u2019]+)): Read-only file system"
)
"""Where Python, and where the programs of the system, name the path."""
DATABASE_FILE = re.compile(r".*\.(db3?|sqlite3?)")


@dataclass(frozen=True)
class Tree:
    """A release, as far as a hint needs it.

    Attributes:
        root: The app's directory in it.
        top: The commit's root directory.
        persist: The paths that are set already.
    """

    root: Path
    top: Path
    persist: tuple[str, ...] = ()

    def names(self, folder: str) -> dict[str, bool]:
        """The names in one of its folders, each with whether it is a folder."""
        try:
            found = trees.entries(self.root, folder or ".", self.top)
        except Failure:
            return {}
        return {name: stat.S_ISDIR(status.st_mode) for name, status in found.items()}

    def hint(self, lines: Sequence[str]) -> str:
        """What to do, in one line, if the log of one of its processes has such a failure; empty otherwise."""
        return hint(lines, str(self.root), self.persist, self.names)

    def remedy(self, lines: Sequence[str]) -> str:
        """The same, or what to do if one of them misses a module."""
        return self.hint(lines) or missing_modules.hint(lines, self.names(""))


def hint(lines: Sequence[str], root: str, persist: Sequence[str], names: Callable[[str], dict[str, bool]]) -> str:
    """What to do, in one line, if a log says that the app tried to write among its own files.

    Args:
        lines: The log.
        root: The app's directory.
        persist: The paths that are set already.
        names: The names in a folder of the app, each with whether it is a folder.
    """
    said = [line for line in lines if any(sign in line for sign in SIGNS)]
    if not said:
        return ""
    paths = [path for line in reversed(said) if (path := _path(line, root))]
    if not paths and any(sign in line for line in said for sign in DATABASE):
        paths = _databases(names)
        if not paths:
            return (
                "If its database lies among its own files, which are read-only: set launchpad:persist to the path, "
                'such as ["db.sqlite3"], or keep it in $DATA_DIR.'
            )
    if not paths:
        return "The files of a release are read-only: have it write to $DATA_DIR, or set launchpad:persist to the path."
    entry = _entry(paths[0], names)
    return f"The files of a release are read-only: set launchpad:persist to {json.dumps([*persist, entry])}."


def _path(line: str, root: str) -> str:
    """The path in the app's directory that a line names; empty if there is none."""
    match = QUOTED.search(line) or BEFORE.search(line)
    found = next((text for text in match.groups() if text), "") if match else ""
    path = posixpath.normpath(found.removeprefix(f"{root}/")) if found else ""
    return "" if path in ("", ".") or path.startswith(("/", "..")) else path


def _databases(names: Callable[[str], dict[str, bool]]) -> list[str]:
    """The databases in the app's directory."""
    return [name for name, is_folder in names("").items() if not is_folder and DATABASE_FILE.fullmatch(name)]


def _entry(path: str, names: Callable[[str], dict[str, bool]]) -> str:
    """What is to be kept: the folder that a file lies in, unless that has code, or the file is a database."""
    folder = posixpath.dirname(path)
    is_file = bool(posixpath.splitext(path)[1])
    if not folder or not is_file or DATABASE_FILE.fullmatch(path):
        return path
    return path if any(name.endswith((".py", ".html")) for name in names(folder)) else folder
