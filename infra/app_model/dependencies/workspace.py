"""Workspaces of uv, seen from their root: whether the member in which the app lies is installed with it."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from infra.app_model.dependencies import names, project, tables, uv_lock
from infra.app_model.dependencies.install import Install
from infra.app_model.dependencies.tables import Table
from infra.app_model.files import AppError, Files
from infra.protocol.app_settings import Dependencies

DEEPEST, MOST = 6, 100
"""How deep below the root members are looked for, and by how many patterns."""


def refusal(files: Files, install: Install, wanted: Dependencies, path: str) -> str:
    """Why the root of a workspace cannot run a file of one of its members; empty if it can.

    Args:
        files: The app's files.
        install: How its dependencies are installed.
        wanted: The settings.
        path: The file with which the app begins.
    """
    if install.refused or install.kind not in (uv_lock.LOCK, "pyproject.toml"):
        return install.refused
    try:
        found = members(files)
        folder = next((str(above) for above in PurePosixPath(path).parents if str(above) in found), "")
        if not folder or found[folder] in _installed(files, wanted):
            return ""
    except AppError as error:
        return str(error)
    others = ", ".join(other for other in found if other != folder)
    return (
        f"the app begins with {path}, which is in {folder}, a member of this workspace of uv, and what the workspace's "
        f"own pyproject.toml needs does not include it.\nSet launchpad:directory to {folder}"
        + (f", or to the member that is the app: {others}." if others else ".")
    )


def choice(files: Files) -> str:
    """What to do about a workspace whose files do not say how the app starts; empty if it is none."""
    try:
        found = ", ".join(members(files))
    except AppError:
        return ""  # whatever reads the dependencies says what is wrong
    return f"Set launchpad:directory to the member of this workspace of uv that is the app: {found}." if found else ""


def members(files: Files) -> Mapping[str, str]:
    """The names of a workspace's members by their folders, without the root; empty if it is none.

    Raises:
        AppError: A pyproject.toml is not right.
    """
    said = tables.table(_own(files, ""), "tool", "uv", "workspace")
    without = set(_folders(files, said.get("exclude")))
    folders = dict.fromkeys(folder for folder in _folders(files, said.get("members")) if folder not in without)
    tables_of = {folder: tables.table(_own(files, folder), "project") for folder in folders}
    return {folder: names.normal(str(own["name"])) for folder, own in tables_of.items() if "name" in own}


def _installed(files: Files, wanted: Dependencies) -> Collection[str]:
    """The names of the packages that are installed with the root, those of the workspace among them."""
    own, lock = _own(files, ""), files.text(uv_lock.LOCK)
    return project.direct(own, files) if lock is None else uv_lock.reached(own, lock, wanted)


def _own(files: Files, folder: str) -> Table:
    path = f"{folder}/pyproject.toml".lstrip("/")
    return tables.toml(path, files.text(path) or "")


def _folders(files: Files, patterns: object) -> Iterator[str]:
    """The folders that patterns such as ``packages/*`` name."""
    for pattern in tables.strings(patterns)[:MOST]:
        parts = PurePosixPath(pattern).parts
        yield from _matching(files, "", parts) if len(parts) <= DEEPEST else ()


def _matching(files: Files, above: str, parts: Sequence[str]) -> Iterator[str]:
    if not parts:
        yield above
        return
    for name, is_folder in files.names(above).items():
        if is_folder and fnmatch.fnmatchcase(name, parts[0]):
            yield from _matching(files, f"{above}/{name}".lstrip("/"), parts[1:])
