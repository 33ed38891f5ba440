"""Projects of Pipenv: a Pipfile with Pipfile.lock, or without a lock."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping

from infra.app_model.dependencies import groups, markers, names, packages, pins, poetry_requirements, tables, versions
from infra.app_model.dependencies.install import Install
from infra.app_model.dependencies.pins import Pin
from infra.app_model.dependencies.tables import Table
from infra.app_model.files import AppError, Files
from infra.protocol.app_settings import Dependencies

LOCK = "Pipfile.lock"
STALE = "Pipfile.lock does not fit Pipfile: run pipenv lock and commit it"
FORMAT = 6
"""The only format of Pipfile.lock that there has been since 2017."""
NO_GROUPS = ("source", "packages", "dev-packages", "requires", "scripts", "pipfile", "pipenv", "default", "develop")
"""The tables of a Pipfile that are no groups of packages of their own, and what the lock calls the usual two."""
USUAL_SOURCE = {"name": "pypi", "url": "https://pypi.org/simple", "verify_ssl": True}
"""The source of a Pipfile that names none."""


def locked(lock: str, files: Files, wanted: Dependencies) -> Install:
    """How a project with a Pipfile.lock is installed.

    Args:
        lock: The text of its lock.
        files: The app's files.
        wanted: The settings.

    Raises:
        AppError: The lock is stale or not right, or the settings name what is not there.
    """
    parsed = tables.loads(LOCK, lock)
    about = tables.table(parsed, "_meta", file=LOCK)
    version = about.get("pipfile-spec")
    text = files.text("Pipfile")
    digest = tables.table(about, "hash", file=LOCK).get("sha256")
    if text is not None and version == FORMAT and digest != content_hash(tables.toml("Pipfile", text)):
        raise AppError(STALE)
    groups.extras(wanted, (), "Pipfile")
    chosen = groups.groups(wanted, (name for name in parsed if name not in ("_meta", "default")), LOCK)
    kept = [
        _pin(name, item, where)
        for group in ("default", *chosen)
        for name, item in tables.table(parsed, group, file=LOCK).items()
        if isinstance(item, dict) and (where := markers.simplify(str(item.get("markers", "")))) is not False
    ]
    sources = packages.sources(tables.tables(about, "sources"))
    notes = (pins.unknown_format(LOCK, version, "Pipfile"),)
    return dataclasses.replace(
        pins.install(LOCK, kept, content=str(sources)),
        sources=sources,
        requires_python=_python(tables.table(about, "requires", file=LOCK)),
        notes=() if version == FORMAT else notes,
    )


def unlocked(text: str, wanted: Dependencies) -> Install:
    """How a project without a lock is installed.

    Args:
        text: The text of its Pipfile.
        wanted: The settings.

    Raises:
        AppError: The Pipfile is not right, or the settings name what is not there.
    """
    pipfile = tables.toml("Pipfile", text)
    groups.extras(wanted, (), "Pipfile")
    known = [name for name in pipfile if name not in NO_GROUPS or name == "dev-packages"]
    lines = [
        _line(name, item)
        for group in ("packages", *groups.groups(wanted, known, "Pipfile"))
        for name, item in poetry_requirements.entries(tables.table(pipfile, group, file="Pipfile"))
    ]
    direct = {name: version for name, version in map(names.named, lines) if name}
    return dataclasses.replace(
        pins.unlocked("Pipfile", lines, direct),
        sources=packages.sources(tables.tables(pipfile, "source")),
        requires_python=_python(tables.table(pipfile, "requires", file="Pipfile")),
    )


def content_hash(pipfile: Table) -> str:
    """The hash by which a Pipfile.lock knows its Pipfile. Source: the specification of Pipfile (pypa/pipfile)."""
    covered: Mapping[str, object] = {
        "_meta": {"sources": pipfile.get("source") or [USUAL_SOURCE], "requires": pipfile.get("requires", {})},
        "default": pipfile.get("packages", {}),
        "develop": pipfile.get("dev-packages", {}),
        **{name: part for name, part in pipfile.items() if name not in NO_GROUPS},
    }
    text = json.dumps(covered, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _python(requires: Table) -> str:
    version = str(requires.get("python_full_version") or requires.get("python_version") or "")
    numbers = versions.release(version)
    return f"=={version}.*" if len(numbers) == 2 else f"=={version}" if len(numbers) == 3 else ""


def _pin(name: str, item: Table, where: markers.Marker) -> Pin:
    version = str(item.get("version", "")).removeprefix("==")
    link = _link(item)
    marker = where if isinstance(where, str) else ""
    own_path = link.startswith("./")
    return Pin(
        "" if own_path else names.normal(name),
        "" if link or version == "*" else version,
        marker,
        () if link else tuple(sorted(tables.strings(item.get("hashes")))),
        link,
    )


def _link(item: Table) -> str:
    if "git" in item:
        return pins.git(str(item["git"]), str(item.get("ref") or "HEAD"), str(item.get("subdirectory", "")))
    file = str(item.get("file", ""))
    if "://" in file:
        return file
    path = item.get("path") or file
    return f"./{str(path).removeprefix('./')}" if path else ""


def _line(name: str, item: Table) -> str:
    """The line of a requirements file for an entry of a Pipfile, whose versions are those of the standards."""
    link = _link({**item, "ref": item.get("ref")})
    extras = tables.strings(item.get("extras"))
    what = f"{name}[{','.join(extras)}]" if extras else name
    version = str(item.get("version", "")).strip()
    what += f" @ {link}" if link else version if version != "*" else ""
    clauses = [str(item["markers"])] if item.get("markers") else []
    for key in ("python_version", "sys_platform", "os_name", "platform_machine", "platform_system"):
        if isinstance(item.get(key), str):
            operator, _, value = str(item[key]).partition(" ")
            clauses.append(f"{key} {operator} {value}")
    return f"{what} ; {' and '.join(clauses)}" if clauses else what
