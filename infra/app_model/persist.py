"""The files and folders that outlive a release: what the settings say, and what the app writes beside its code."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from infra.app_model import written
from infra.app_model.build_plan import Decision
from infra.app_model.python_source import Module
from infra.app_model.sources import Sources
from infra.protocol.app_settings import REMOVE
from infra.protocol.specs import DeploySpec

KEY = "launchpad:persist"
FILES = (
    *(".db", ".db3", ".sqlite", ".sqlite3", ".duckdb", ".json", ".jsonl", ".csv", ".txt", ".log", ".pkl", ".pickle"),
    *(".dat", ".yaml", ".yml", ".toml", ".xml", ".html", ".xlsx", ".parquet", ".zip", ".lock", ".pid"),
)
"""How the names of files end: a path of the settings that the commit does not have is a folder otherwise."""


def decide(
    sources: Sources, modules: Sequence[Module], spec: DeploySpec
) -> tuple[tuple[str, ...], tuple[Decision, ...]]:
    """The paths that outlive a release, those of folders with ``/`` at the end, and why.

    Args:
        sources: The app's files.
        modules: The modules that its processes may load.
        spec: The settings, which always win.
    """
    asked = [entry for entry in spec.persist if not entry.startswith(REMOVE)]
    removed = [_plain(entry.removeprefix(REMOVE)) for entry in spec.persist if entry.startswith(REMOVE)]
    reasons = {_kind(sources, entry): f"set by {KEY}" for entry in asked}
    for item in written.find(sources, modules, [name for name, _ in (*spec.env, *spec.secrets)]):
        if not _is_within(item.path, [*removed, *map(_plain, reasons)]):
            reasons[item.path] = item.reason
    kept = outermost(reasons)
    return kept, tuple(_decision(path, reasons[path]) for path in kept)


def outermost(paths: Iterable[str]) -> tuple[str, ...]:
    """The paths that lie in no other of them, in order."""
    paths = list(paths)
    return tuple(
        path
        for path in paths
        if not _is_within(path, [_plain(other) for other in paths if _plain(other) != _plain(path)])
    )


def still_kept(planned: Sequence[str], before: Iterable[str], asked: Sequence[str]) -> tuple[str, ...]:
    """The paths that a release keeps, where the one before it kept others as well.

    What is kept stays kept until somebody says otherwise: a change of the code may hide from us that it is written, and
    the data would be left aside.

    Args:
        planned: The paths of the plan.
        before: Those of the release before.
        asked: The entries of the settings.
    """
    removed = [_plain(entry.removeprefix(REMOVE)) for entry in asked if entry.startswith(REMOVE)]
    known = [_plain(path) for path in planned]
    more = [path for path in before if not _is_within(path, [*removed, *known])]
    return outermost([*planned, *more])


def _decision(path: str, reason: str) -> Decision:
    return Decision("kept data", f"{_plain(path)} -> $DATA_DIR/{_plain(path)}", reason, KEY)


def _kind(sources: Sources, entry: str) -> str:
    """A path of the settings, with ``/`` at the end if it is a folder."""
    path = _plain(entry)
    is_folder = sources.names(posixpath.dirname(path)).get(posixpath.basename(path), not path.endswith(FILES))
    return f"{path}/" if entry.endswith("/") or is_folder else path


def _plain(path: str) -> str:
    return posixpath.normpath(path)


def _is_within(path: str, others: Iterable[str]) -> bool:
    """Whether a path is one of the others, or lies in one."""
    plain = _plain(path)
    return any(plain == other or plain.startswith(f"{other}/") for other in others)
