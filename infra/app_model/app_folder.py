"""Finds the folder of a repository in which the app lies, where it does not lie at the top."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from infra.app_model import plan
from infra.app_model.build_plan import BuildPlan
from infra.app_model.files import AppError, Files
from infra.app_model.sources import STRANGE
from infra.protocol.specs import DeploySpec

DEEPEST, MOST = 2, 60
"""How deep the folder may lie, and how many are looked at."""
MARKS = frozenset(
    {
        *("manage.py", "Procfile", "requirements.txt", "pyproject.toml", "Pipfile", "poetry.lock", "uv.lock"),
        *("app.py", "main.py", "wsgi.py", "asgi.py"),
    }
)
"""Files of which one at least is in an app's folder."""


@dataclass(frozen=True)
class Found:
    """Where the app lies.

    Attributes:
        directory: The folder; empty for the top.
        plan: The plan of the app there; None if there is no app that could be planned.
        why_not: Why there is no plan, or none that could be built; empty if it can be.
        others: The folders that have an app, where it is not clear which is meant.
    """

    directory: str = ""
    plan: BuildPlan | None = None
    why_not: str = ""
    others: tuple[str, ...] = ()


def find(files_in: Callable[[str], Files], spec: DeploySpec, *, below: bool = True) -> Found:
    """Find the app's folder: the top, else the only folder below it in which an app can be planned.

    Args:
        files_in: The commit's files, seen from a folder.
        spec: The settings.
        below: Whether the app may lie below the top; otherwise it is looked for at the top alone.
    """
    top = files_in("")
    here = _planned("", top, spec)
    if not here.why_not or not below:
        return here
    found: list[Found] = []
    for folder in _folders(top, "", 1):
        if not any(folder.startswith(f"{other.directory}/") for other in found):
            there = _planned(folder, files_in(folder), spec)
            found += [] if there.why_not else [there]
    if len(found) == 1:
        return found[0]
    return replace(here, others=tuple(each.directory for each in found))


def _planned(folder: str, files: Files, spec: DeploySpec) -> Found:
    try:
        made = plan.plan(files, spec)
    except AppError as error:
        return Found(folder, why_not=str(error))
    return Found(folder, made, made.install.refused)


def _folders(files: Files, above: str, depth: int) -> Iterator[str]:
    """The folders that may have an app, each before those below it."""
    folders = [name for name, is_folder in files.names(above).items() if is_folder]
    for name in folders[:MOST]:
        if name.startswith(".") or name.lower() in STRANGE - {"deploy"}:
            continue
        path = f"{above}/{name}" if above else name
        if MARKS & files.names(path).keys():
            yield path
        if depth < DEEPEST:
            yield from _folders(files, path, depth + 1)
