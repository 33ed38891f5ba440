"""Projects of PDM: pyproject.toml with pdm.lock."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence

from infra.app_model.dependencies import graph, groups, markers, names, packages, pins, tables, versions
from infra.app_model.dependencies.graph import Edge
from infra.app_model.dependencies.install import Install
from infra.app_model.dependencies.markers import Marker
from infra.app_model.dependencies.pins import Pin
from infra.app_model.dependencies.tables import Table
from infra.app_model.files import AppError, Files
from infra.protocol.app_settings import Dependencies

LOCK = "pdm.lock"
STALE = "pdm.lock does not fit pyproject.toml: run pdm lock and commit it"
HASHED_SINCE = (4, 5)
"""The formats of pdm.lock whose content hash is known here."""


def locked(own: Table, lock: str, files: Files, wanted: Dependencies) -> Install:
    """How a project with a pdm.lock is installed.

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
    version = str(metadata.get("lock_version", ""))
    known = versions.release(version)[:2] == HASHED_SINCE
    if metadata.get("content_hash") not in content_hashes(own) and known:
        raise AppError(STALE)
    project = tables.table(own, "project")
    optional = tables.table(project, "optional-dependencies")
    of_groups = {**tables.table(own, "dependency-groups"), **tables.table(own, "tool", "pdm", "dev-dependencies")}
    chosen = (
        *groups.extras(wanted, optional, "pyproject.toml"),
        *groups.groups(wanted, of_groups, "pyproject.toml"),
    )
    found = tables.tables(parsed, "package")
    if "inherit_metadata" in tables.strings(metadata.get("strategy")):
        needed = [(package, _where(package, chosen)) for package in found]
    else:
        needed = _reached(own, found, chosen)
    itself = tables.table(own, "tool", "pdm").get("distribution") is not False and packages.buildable(own, files)
    sources = packages.sources(tables.tables(tables.table(own, "tool", "pdm"), "source"))
    notes = (pins.unknown_format(LOCK, version, "pyproject.toml"),)
    kept = _pins(needed)
    return dataclasses.replace(
        pins.install(LOCK, kept, itself=itself, content=str(sources)),
        sources=sources,
        requires_python=str(project.get("requires-python", "")),
        notes=() if known else notes,
    )


def content_hashes(own: Table) -> set[str]:
    """The content hashes that PDM gives a pyproject.toml. Source: pdm-project.org, "Lock file", and what PDM writes."""
    project, settings = tables.table(own, "project"), tables.table(own, "tool", "pdm")
    dev: dict[str, list[object]] = {}
    for of_groups in (tables.table(own, "dependency-groups"), tables.table(settings, "dev-dependencies")):
        for name, items in of_groups.items():
            dev.setdefault(names.normal(name), []).extend(items if isinstance(items, list) else [])
    covered = {
        "sources": settings.get("source", []),
        "dependencies": project.get("dependencies", []),
        "dev-dependencies": dev,
        "optional-dependencies": project.get("optional-dependencies", {}),
        "requires-python": project.get("requires-python", ""),
        "resolution": settings.get("resolution", {}),
    }
    return {f"sha256:{hashlib.sha256(json.dumps(covered, sort_keys=True, default=str).encode()).hexdigest()}"}


def _where(package: Table, chosen: Sequence[str]) -> Marker:
    wanted = {"default", *map(names.normal, chosen)}
    if not wanted & set(map(names.normal, tables.strings(package.get("groups")))):
        return False
    return markers.simplify(str(package.get("marker", "")))


def _reached(own: Table, found: Sequence[Table], chosen: Sequence[str]) -> list[tuple[Table, Marker]]:
    """What the main dependencies and the chosen groups bring along, for locks that do not say it."""
    by_name: dict[str, list[int]] = {}
    for number, package in enumerate(found):
        by_name.setdefault(names.normal(str(package.get("name", ""))), []).append(number)

    def find(edge: Edge) -> Iterable[str]:
        """The package itself, and its entries for the extras that are asked for."""
        for number in by_name.get(edge.name, ()):
            extras = {names.normal(extra) for extra in tables.strings(found[number].get("extras"))}
            if extras <= edge.extras:
                yield str(number)

    def needs(key: str, _: frozenset[str]) -> Iterator[Edge]:
        return map(_edge, tables.strings(found[int(key)].get("dependencies")))

    project = tables.table(own, "project")
    lines = tables.strings(project.get("dependencies"))
    for name in chosen:
        lines += tables.strings(tables.table(project, "optional-dependencies").get(name))
        lines += tables.strings(tables.table(own, "dependency-groups").get(name))
        lines += tables.strings(tables.table(own, "tool", "pdm", "dev-dependencies").get(name))
    where = graph.closure(map(_edge, lines), find, needs)
    return [(found[int(key)], marker) for key, marker in sorted(where.items(), key=lambda item: int(item[0]))]


def _edge(line: str) -> Edge:
    requirement, _, marker = line.partition(";")
    inside = requirement.partition("[")[2].partition("]")[0] if "[" in requirement else ""
    extras = frozenset(names.normal(extra.strip()) for extra in inside.split(",") if extra.strip())
    return Edge(names.named(requirement)[0], "", markers.simplify(marker), extras)


def _pins(needed: Iterable[tuple[Table, Marker]]) -> list[Pin]:
    """The pins of packages; those of a package's extras are the package's own, and come without hashes of their own."""
    found: dict[tuple[str, str], Pin] = {}
    for package, where in needed:
        if where is False:
            continue
        pin = _pin(package, where)
        known = found.get((pin.name, pin.version))
        if known:
            either = markers.either(known.marker or True, where)
            pin = dataclasses.replace(
                known, marker=either if isinstance(either, str) else "", hashes=known.hashes or pin.hashes
            )
        found[pin.name, pin.version] = pin
    return list(found.values())


def _pin(package: Table, where: Marker) -> Pin:
    link = ""
    if "git" in package:
        revision = str(package.get("revision") or package.get("ref") or "HEAD")
        link = pins.git(str(package["git"]), revision, str(package.get("subdirectory", "")))
    elif package.get("url"):
        link = str(package["url"])
    elif package.get("path"):
        link = f"./{str(package['path']).removeprefix('./')}"
    digests = {str(file.get("hash", "")) for file in tables.tables(package, "files")} - {""}
    marker = where if isinstance(where, str) else ""
    name = names.normal(str(package.get("name", "")))
    return Pin(name, str(package.get("version", "")), marker, () if link else tuple(sorted(digests)), link)
