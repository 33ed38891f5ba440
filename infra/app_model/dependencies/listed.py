"""Apps whose dependencies stand in requirements files."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from infra.app_model.dependencies import names, pins, project, requirements, settings, setuptools, tables
from infra.app_model.dependencies.install import Install
from infra.app_model.dependencies.requirements import Requirements
from infra.app_model.dependencies.tables import Table
from infra.app_model.files import Files

USUAL = "requirements.txt"
OTHERS = (
    *("requirements/production.txt", "requirements/prod.txt", "requirements-production.txt", "requirements-prod.txt"),
    *("requirements_production.txt", "requirements_prod.txt", "requirements/requirements.txt", "requirements/base.txt"),
    *("requirements/main.txt", "requirements/common.txt", "requirements-base.txt", "requirements-server.txt"),
    *("prod.txt", "production.txt", "base.txt"),
)
"""Where the requirements of production are, if not in the usual place; the first of them counts."""


def other(files: Files) -> str:
    """The requirements file of an app that has none in the usual place; empty if there is none."""
    found = files.names()
    below = files.names("requirements") if found.get("requirements") else {}
    there = {name for name, folder in found.items() if not folder} | {f"requirements/{name}" for name in below}
    return next((name for name in OTHERS if name in there), "")


def install(own: Table, files: Files, paths: Sequence[str], *, alone: bool = False, above: bool = False) -> Install:
    """How requirements files are installed, and the project beside them if they do not cover it.

    Args:
        own: The content of pyproject.toml; empty if there is none.
        files: The app's files.
        paths: The requirements files.
        alone: Whether only they are installed.
        above: Whether they lie in a folder above the app's directory.

    Raises:
        AppError: A file is not there, or one is not right.
    """
    listed = requirements.read(files, *paths)
    kind = ", ".join(paths)
    hashes = " --require-hashes" if listed.hashes else ""
    copies = listed.copies() if listed.foreign else {}
    given = [f'"$MADE/{name}"' for name in list(copies)[: len(paths)]] or [shlex.quote(path) for path in paths]
    commands = [pins.VENV, f"{pins.INTO}{hashes}{''.join(f' --requirements {name}' for name in given)}"]
    why = "" if alone else uncovered(own, files, listed, above=above)
    if why:
        commands.append(f"{pins.INTO} .")
    unproven = f"{listed.unpinned}, which is not pinned" if listed.unpinned else ""
    has_settings = bool(tables.table(own, "tool", "uv").keys() - {"required-version"})
    return Install(
        kind,
        tuple(commands),
        unproven=(pins.ITSELF if why else unproven)
        or ("pyproject.toml has settings of uv" if has_settings else "")
        or settings.unproven({}, files),
        content="\0".join(f"{name}\0{text}" for name, text in sorted(listed.texts.items())),
        packages={**project.direct(own, files), **listed.packages} if why else listed.packages,
        requires_python=str(tables.table(own, "project").get("requires-python", "")),
        files=copies,
        variables=listed.variables,
        notes=(why,) if why else (),
    )


def uncovered(own: Table, files: Files, listed: Requirements, *, above: bool = False) -> str:
    """Why the project itself is installed besides its requirements files; empty if it is not.

    Arguments as in ``install``.
    """
    kind = next((name for name in ("setup.py", "setup.cfg") if setuptools.is_project(files, name)), "")
    if not kind and "project" in own and "build-system" in own and project.installs_itself(own):
        kind = "pyproject.toml"
    if not kind or listed.itself:
        return ""
    named = {*project.direct(own, files), *(names.named(line)[0] for line in setuptools.requirements(files))} - {""}
    missing = sorted(named - listed.packages.keys())
    if missing:
        return f"the project of {kind} is installed, too: it needs {missing[0]}, which the requirements do not name"
    if above:
        return f"the project of {kind} is installed, too: its packages are not in the app's directory"
    inside = files.names("src") if files.names().get("src") else {}
    if any(folder and "__init__.py" in files.names(f"src/{name}") for name, folder in inside.items()):
        return f"the project of {kind} is installed, too: its packages are in src"
    return ""
