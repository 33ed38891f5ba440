"""Decides how an app's dependencies are installed: which of its files decides."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

from infra.app_model.build_plan import Decision
from infra.app_model.dependencies import (
    bare,
    listed,
    names,
    pdm,
    pipenv,
    poetry,
    project,
    pylock,
    setuptools,
    tables,
    uv_lock,
    variables,
)
from infra.app_model.dependencies.install import Install
from infra.app_model.dependencies.moved import Above
from infra.app_model.dependencies.tables import Table
from infra.app_model.files import AppError, Files
from infra.protocol.app_settings import Dependencies

LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml", listed.USUAL)
"""The files that decide, the first before the others."""
SCM = {
    "setuptools-scm": "setuptools-scm",
    "hatch-vcs": "setuptools-scm",
    "flit-scm": "setuptools-scm",
    "pbr": "pbr",
    "poetry-dynamic-versioning": "poetry-dynamic-versioning",
    "versioningit": "versioningit",
}
"""The tools that take a project's version from git, by the package that the build needs."""


def install(files: Files, wanted: Dependencies, known: Collection[str] = ()) -> Install:
    """Decide how an app's dependencies are installed.

    What is wrong with its files is in ``refused`` of the answer, so that a release which is built already can start.

    Args:
        files: The app's files.
        wanted: The settings.
        known: The names of the variables that are set.
    """
    try:
        chosen = _chosen(files, wanted)
        return dataclasses.replace(chosen, refused=variables.unset(chosen, known))
    except AppError as error:
        return Install("", refused=str(error))


def decisions(install: Install) -> tuple[Decision, ...]:
    """What was decided about an app's dependencies; none if its files are not right."""
    if not install.kind or install.refused:
        return ()
    return (Decision("dependencies", install.kind, install.reason, "launchpad:requirements"),)


def _chosen(files: Files, wanted: Dependencies) -> Install:
    own = _own(files) or {}
    if wanted.requirements:
        found = listed.install(own, files, wanted.requirements, alone=True)
        return _described(own, dataclasses.replace(found, reason="launchpad:requirements names it"))
    if member := _member(files, wanted):
        return member
    for depth in range(files.up() + 1):
        there: Files = Above(files, depth) if depth else files
        found_here = _in_folder(there, wanted, above=depth > 0)
        if found_here:
            return _from_above(found_here, depth) if depth else found_here
    return bare.install(files)


def _own(files: Files) -> Table | None:
    text = files.text("pyproject.toml")
    return None if text is None else tables.toml("pyproject.toml", text)


def _member(files: Files, wanted: Dependencies) -> Install | None:
    """How a member of a workspace of uv is installed, whose lock lies above; None if it is none."""
    own = _own(files)
    if own is None or "project" not in own or any(files.text(name) is not None for name in LOCKS):
        return None
    for depth in range(1, files.up() + 1):
        there = Above(files, depth)
        lock, above = there.text("uv.lock"), _own(there)
        if lock is not None and above is not None and uv_lock.has_members(above):
            found = uv_lock.locked(own, lock, files, wanted)
            where = "../" * depth
            content = found.content + (there.text("pyproject.toml") or "")
            reason = f"the app is a member of the workspace of {where}uv.lock"
            return _described(own, dataclasses.replace(found, content=content, reason=reason))
    return None


def _in_folder(files: Files, wanted: Dependencies, *, above: bool) -> Install | None:
    own = _own(files)
    there = [name for name in LOCKS if files.data(name) is not None]
    found = _locked(own, files, wanted, there, above=above) or _unlocked(own, files, wanted, above=above)
    if found is None:
        return None
    unused = [name for name in there if name != found.kind]
    note = (f"{', '.join(unused)} is not used: {found.kind} decides which versions are installed",)
    reason = "it is the app's lock" if found.kind in LOCKS[:-1] else f"the app has {found.kind}"
    return _described(
        own or {},
        dataclasses.replace(found, reason=found.reason or reason, notes=(*(note if unused else ()), *found.notes)),
    )


def _locked(
    own: Table | None, files: Files, wanted: Dependencies, there: Collection[str], *, above: bool
) -> Install | None:
    """How the first of an app's locks is installed; None if it has none."""
    for kind in there:
        if kind == listed.USUAL:
            return listed.install(own or {}, files, (kind,), above=above)
        text = files.text(kind) or ""
        try:
            if kind == pipenv.LOCK:
                return pipenv.locked(text, files, wanted)
            if kind == pylock.LOCK:
                return pylock.locked(text, wanted)
            if own is not None:
                install = {"uv.lock": uv_lock.locked, "poetry.lock": poetry.locked, "pdm.lock": pdm.locked}[kind]
                return install(own, text, files, wanted)
        except AppError as error:
            if listed.USUAL in there and str(error) in (poetry.STALE, pdm.STALE, pipenv.STALE):
                hint = f"; or, if {listed.USUAL} is right, set launchpad:requirements to it"
                raise AppError(f"{error}{hint}") from error
            raise
    return None


def _unlocked(own: Table | None, files: Files, wanted: Dependencies, *, above: bool) -> Install | None:
    """How an app without a lock is installed; None if nothing says what it depends on."""
    pipfile = files.text("Pipfile")
    if pipfile is not None:
        return pipenv.unlocked(pipfile, wanted)
    if own is not None and "poetry" in tables.table(own, "tool"):
        return poetry.unlocked(own, files, wanted)
    says = own is not None and ("dependencies" in tables.table(own, "project") or "build-system" in own)
    other = "" if says else listed.other(files)
    if other:
        return listed.install(own or {}, files, (other,), above=above)
    found = None
    if own is not None and "project" in own:
        found = project.unlocked(own, files.text("pyproject.toml") or "", files, wanted)
    found = found or setuptools.install(files, wanted)
    return found or (project.unlocked(own, "", files, wanted) if own is not None else None)


def _from_above(found: Install, depth: int) -> Install:
    """The same installation from a folder above the app's directory."""
    where = "../" * depth
    there = (f'cd "{where}"', *found.commands, 'cd "$ROOT"')
    reason = f"{found.reason}, which lies above the app's directory"
    return dataclasses.replace(found, kind=f"{where}{found.kind}", commands=there, reason=reason)


def _described(own: Table, found: Install) -> Install:
    """The same installation with what pyproject.toml says besides."""
    uv = tables.table(own, "tool", "uv").get("required-version")
    requires = names_of_builds(own)
    dynamic = "version" in tables.strings(tables.table(own, "project").get("dynamic")) or "poetry" in str(requires)
    return dataclasses.replace(
        found,
        uv=uv if isinstance(uv, str) else "",
        scm=next((SCM[name] for name in requires if name in SCM), "") if dynamic else "",
        name=names.normal(str(tables.table(own, "project").get("name", ""))),
    )


def names_of_builds(own: Table) -> list[str]:
    """The packages that a project needs to be built."""
    return [names.named(line)[0] for line in tables.strings(tables.table(own, "build-system").get("requires"))]
