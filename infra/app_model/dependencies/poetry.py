"""Projects of Poetry: pyproject.toml with poetry.lock, or without a lock."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence

from infra.app_model.dependencies import (
    groups,
    markers,
    names,
    packages,
    pins,
    poetry_graph,
    poetry_requirements,
    tables,
    versions,
)
from infra.app_model.dependencies.install import Install
from infra.app_model.dependencies.markers import Marker
from infra.app_model.dependencies.pins import Pin
from infra.app_model.dependencies.tables import Table
from infra.app_model.files import AppError, Files
from infra.protocol.app_settings import Dependencies

LOCK = "poetry.lock"
STALE = "poetry.lock does not fit pyproject.toml: run poetry lock and commit it"
HASHED = ("dependencies", "source", "extras", "dev-dependencies", "group")
"""What of [tool.poetry] Poetry's content hash covers; all but the last are there as null if they are missing."""
HASHED_OF_PROJECT = ("requires-python", "dependencies", "optional-dependencies")


def locked(own: Table, lock: str, files: Files, wanted: Dependencies) -> Install:
    """How a project with a poetry.lock is installed.

    Args:
        own: The content of its pyproject.toml.
        lock: The text of its lock.
        files: The app's files.
        wanted: The settings.

    Raises:
        AppError: The lock is stale or not right, or the settings name what is not there.
    """
    parsed = tables.toml(LOCK, lock)
    metadata = tables.table(parsed, "metadata", file=LOCK)
    version = str(metadata.get("lock-version", ""))
    unknown = versions.release(version)[:2] not in ((1, 0), (1, 1), (2, 0), (2, 1))
    stale = str(metadata.get("content-hash", "")) not in content_hashes(own)
    if stale and not unknown:
        raise AppError(STALE)
    extras = {names.normal(name) for name in groups.extras(wanted, known_extras(own), "pyproject.toml")}
    chosen = groups.groups(wanted, known_groups(own), "pyproject.toml")
    found = tables.tables(parsed, "package")
    if any("groups" in package for package in found):
        needed = [(package, _where(package, chosen, extras)) for package in found]
    else:
        needed = poetry_graph.needed(own, found, chosen, extras)
    hashes = tables.table(metadata, "files", file=LOCK)  # where the locks of Poetry 1.0 and 1.1 have them
    kept = [_pin(package, where, hashes) for package, where in needed if where is not False]
    origins = [tables.table(package, "source", file=LOCK) for package in found]
    registries = packages.sources(
        [
            {"name": origin.get("reference"), "url": origin.get("url")}
            for origin in origins
            if origin.get("type") == "legacy"
        ]
    )
    install = pins.install(LOCK, kept, itself=is_package(own, files), content=str(registries))
    notes = (pins.unknown_format(LOCK, version, "pyproject.toml"),)
    return dataclasses.replace(install, sources=registries, requires_python=python(own), notes=notes if unknown else ())


def unlocked(own: Table, files: Files, wanted: Dependencies) -> Install:
    """How a project without a lock is installed. Arguments and errors as in ``locked``."""
    poetry = tables.table(own, "tool", "poetry")
    project = tables.table(own, "project")
    extras = groups.extras(wanted, known_extras(own), "pyproject.toml")
    asked = {names.normal(name) for extra in extras for name in tables.strings(_extras(own).get(extra))}
    lines = tables.strings(project.get("dependencies"))
    optional = tables.table(project, "optional-dependencies")
    lines += [line for extra in extras for line in tables.strings(optional.get(extra))]
    known = {names.named(line)[0] for line in lines}
    mains = tables.table(poetry, "dependencies")
    for name, item in poetry_requirements.entries(mains):
        skipped = item.get("optional") is True and names.normal(name) not in asked
        if names.normal(name) not in known and not skipped:
            lines.append(poetry_requirements.line(name, item))
    for group in groups.groups(wanted, known_groups(own), "pyproject.toml"):
        of_group = tables.table(poetry, "group", group, "dependencies")
        lines += [poetry_requirements.line(name, item) for name, item in poetry_requirements.entries(of_group)]
        lines += tables.strings(tables.table(own, "dependency-groups").get(group))
    direct = {name: version for name, version in map(names.named, lines) if name}
    install = pins.unlocked("pyproject.toml", lines, direct, itself=is_package(own, files))
    return dataclasses.replace(
        install, sources=packages.sources(tables.tables(poetry, "source")), requires_python=python(own)
    )


def known_groups(own: Table) -> list[str]:
    """The groups of a project, other than the main one."""
    return [*tables.table(own, "tool", "poetry", "group"), *tables.table(own, "dependency-groups")]


def known_extras(own: Table) -> list[str]:
    """The extras of a project."""
    return [*_extras(own), *tables.table(own, "project", "optional-dependencies")]


def _extras(own: Table) -> Table:
    return tables.table(own, "tool", "poetry", "extras")


def python(own: Table) -> str:
    """The versions of Python that a project allows, as a specifier."""
    standard = str(tables.table(own, "project").get("requires-python", ""))
    wanted = tables.table(own, "tool", "poetry", "dependencies").get("python", "")
    return standard or (versions.specifier(wanted) if isinstance(wanted, str) else "")


def is_package(own: Table, files: Files) -> bool:
    """Whether Poetry installs a project as a package, and it can be."""
    return tables.table(own, "tool", "poetry").get("package-mode") is not False and packages.buildable(own, files)


def content_hashes(own: Table) -> set[str]:
    """The content hashes that Poetry's versions give a pyproject.toml: since 2.3 with the dependency groups in it.

    Source: python-poetry.org, "The poetry.lock file", and what its versions write.
    """
    project = tables.table(own, "project")
    poetry = tables.table(own, "tool", "poetry")
    of_project = {name: project[name] for name in HASHED_OF_PROJECT if name in project}
    of_groups = tables.table(own, "dependency-groups")
    return {_hash(of_project, poetry, of_groups), _hash(of_project, poetry, {})}


def _hash(project: Table, poetry: Table, of_groups: Table) -> str:
    standard = {name: part for name, part in (("project", project), ("dependency-groups", of_groups)) if part}
    own: dict[str, object] = {
        name: poetry.get(name) for name in HASHED if name in poetry or (name != HASHED[-1] and not standard)
    }
    covered = {**standard, "tool": {"poetry": own}} if standard else own
    return hashlib.sha256(json.dumps(covered, sort_keys=True, default=str).encode()).hexdigest()


def _where(package: Table, chosen: Sequence[str], extras: set[str]) -> Marker:
    """Where a package is needed for the main group or one of the chosen ones."""
    wanted = {"main", *(names.normal(name) for name in chosen)}
    inside = wanted & {names.normal(name) for name in tables.strings(package.get("groups"))}
    marker = package.get("markers", "")
    where: Marker = False
    for group in sorted(inside):
        text = marker.get(group, "") if isinstance(marker, dict) else marker
        where = markers.either(where, markers.simplify(str(text), extras))
    return where


def _pin(package: Table, where: Marker, hashes: Table) -> Pin:
    source = tables.table(package, "source", file=LOCK)
    name = names.normal(str(package.get("name", "")))
    listed = package.get("files") or hashes.get(str(package.get("name", "")))
    digests = sorted({str(file.get("hash", "")) for file in tables.tables({"files": listed}, "files")} - {""})
    link = _link(source)
    return Pin(
        name,
        str(package.get("version", "")),
        where if isinstance(where, str) else "",
        () if link else tuple(digests),
        link,
    )


def _link(source: Table) -> str:
    kind, url = source.get("type"), str(source.get("url", ""))
    if kind == "git":
        revision = str(source.get("resolved_reference") or source.get("reference") or "HEAD")
        return pins.git(url, revision, str(source.get("subdirectory", "")))
    if kind in ("directory", "file"):
        return f"./{url}"
    return url if kind == "url" else ""
