"""Which of the paths that an app writes to outlive a release: never one that has to arrive anew with each commit."""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from infra.app_model.sources import Sources

Kind = Literal["database", "reads", "folder", "log", "file", "makes"]
CODE = (".py", ".html", ".css", ".js", ".ts", ".jinja", ".jinja2", ".j2")
"""Files that belong to the app's code: a folder with such files has to arrive anew with each commit."""
BUILT = re.compile(
    r"requirements.*|constraints.*|pyproject\.toml|setup\.(?:py|cfg)|.*\.lock|pdm\.toml|Pipfile.*|Procfile.*|tox\.ini"
    r"|runtime\.txt|\.python-version|package(?:-lock)?\.json|app\.json|environment\.ya?ml|.*Dockerfile.*|compose\.ya?ml"
    r"|docker-compose.*|fly\.toml|render\.yaml|vercel\.json|now\.json|netlify\.toml|robots\.txt|openapi\..*"
    r"|alembic\.ini|readme.*|license.*|licence.*|changelog.*|changes.*|.*\.md|.*\.rst",
    re.IGNORECASE,
)
"""Files that a build, a platform or a person reads."""
OTHERS = frozenset({"docs", "doc", "tests", "test", "testing", "scripts", "migrations", "examples", ".github", ".git"})
"""Folders in which nothing is an app's data."""
PLACEHOLDER = re.compile(r"\.git(?:keep|ignore|attributes)|\.keep|\.empty|placeholder.*|readme.*", re.IGNORECASE)
"""Files that are there only so that git has their folder."""
DATA_FOLDERS = (
    *("data", "instance", "uploads", "upload", "media", "storage", "db", "database", "var", "logs", "log", "files"),
    *("user_data", "downloads", "outputs", "output", "exports", "reports", "backups", "sessions", "flask_session"),
    *("tmp", "temp", "cache"),
)
"""Folders that are kept as a whole if code writes into them, and the commit has nothing else there."""
STATE = (".json", ".csv", ".txt", ".db", ".sqlite", ".sqlite3", ".pkl", ".pickle", ".dat", ".yaml", ".yml", ".log")
"""Files that are kept if code writes them."""
MOST, DEEPEST = 200, 3
"""Files of a folder that are looked at, and how deep they lie."""


@dataclass(frozen=True)
class Written:
    """A path that the app writes to.

    Attributes:
        path: Relative to the app's directory; a folder ends with ``/``.
        reason: What in the code says so.
        kind: What writes there: a database, or one that may only be read; a setting that names a folder; a log; a call
            that writes a file, or one that makes a folder.
    """

    path: str
    reason: str
    kind: Kind = "folder"


def choose(sources: Sources, written: list[Written]) -> list[Written]:
    """The paths that outlive a release, in order, each once.

    Args:
        sources: The app's files.
        written: The paths that the code writes to.
    """
    own = {item.path for item in written}
    opened = {posixpath.basename(item.path) for item in written if item.kind == "database"}
    chosen: dict[str, Written] = {}
    for item in written:
        if item.kind == "reads" and posixpath.basename(item.path) in opened and item.path not in chosen:
            continue  # a bare name that the app puts a folder before, where it opens the database
        if path := _kept(sources, item, own):
            chosen.setdefault(path, dataclasses.replace(item, path=path))
    return list(chosen.values())


def _kept(sources: Sources, item: Written, own: set[str]) -> str:
    """The path that is kept: the folder around a file perhaps; empty if none is."""
    parts = item.path.rstrip("/").split("/")
    if OTHERS & {part.lower() for part in parts}:
        return ""
    if item.kind == "folder":
        return "" if _is_code(sources, item.path) else item.path
    is_file = item.kind != "makes"
    if is_file and (BUILT.fullmatch(parts[-1]) or item.path.endswith(CODE)):
        return ""
    above = posixpath.dirname(item.path)
    folder = f"{above}/" if item.kind == "log" and above else _data_folder(parts[:-1] if is_file else parts)
    if folder and not _is_code(sources, folder) and (item.kind == "log" or not _others(sources, folder, own)):
        return folder
    right = _is_file_kept(sources, item, folder) if is_file else _is_folder_kept(sources, item, folder)
    return item.path if right else ""


def _is_folder_kept(sources: Sources, item: Written, folder: str) -> bool:
    """Whether a folder below one for data is kept, which itself brings files with each commit."""
    return folder not in ("", item.path) and not sources.names(item.path.rstrip("/"))


def _is_file_kept(sources: Sources, item: Written, folder: str) -> bool:
    """Whether a single file is kept."""
    above, _, name = item.path.rpartition("/")
    committed = sources.names(above).get(name)
    if committed or (item.kind == "reads" and committed is not None):
        return False
    if item.kind == "file":
        # Beside the code lies what the code brings, such as a list of words: a program may have written it once.
        return item.path.endswith(STATE) and (bool(folder) or not above) and not _is_package(sources, above)
    return True


def _data_folder(parts: list[str]) -> str:
    """The outermost folder for data that a path lies in; empty if it lies in none."""
    for number, part in enumerate(parts):
        if part in DATA_FOLDERS:
            return "/".join(parts[: number + 1]) + "/"
    return ""


def _is_package(sources: Sources, folder: str) -> bool:
    """Whether a folder, or one above it, has modules; the app's directory may have them."""
    while folder:
        if any(name.endswith(".py") for name in sources.names(folder)):
            return True
        folder = posixpath.dirname(folder)
    return False


def _is_code(sources: Sources, path: str, depth: int = 0) -> bool:
    """Whether a folder has files of the app's code, its configuration in Flask's instance folder aside."""
    if depth > 2 or path == "instance/":
        return False
    names = sources.names(path.rstrip("/"))
    return any(
        _is_code(sources, f"{path}{name}/", depth + 1) if is_folder else name.endswith(CODE)
        for name, is_folder in names.items()
    )


def _others(sources: Sources, folder: str, own: set[str]) -> bool:
    """Whether the commit has files in a folder that the app does not write itself."""
    if folder == "instance/":
        return False
    committed = list(_committed(sources, folder.rstrip("/"), 0))
    return any(path not in own and not PLACEHOLDER.fullmatch(posixpath.basename(path)) for path in committed)


def _committed(sources: Sources, folder: str, depth: int) -> Iterator[str]:
    for name, is_folder in list(sources.names(folder).items())[:MOST]:
        path = f"{folder}/{name}"
        if not is_folder:
            yield path
        elif depth < DEEPEST:
            yield from _committed(sources, path, depth + 1)
