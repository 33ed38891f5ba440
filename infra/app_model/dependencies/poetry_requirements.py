"""The dependencies that a pyproject.toml names for Poetry, as requirements of the standards."""

from __future__ import annotations

from collections.abc import Iterator

from infra.app_model.dependencies import markers, names, pins, tables, versions
from infra.app_model.dependencies.graph import Edge
from infra.app_model.dependencies.tables import Table


def entries(dependencies: Table) -> Iterator[tuple[str, Table]]:
    """Each dependency with what is said of it, once for each of several alternatives; without Python itself."""
    for name, value in dependencies.items():
        if names.normal(name) == "python":
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str):
                yield name, {"version": item}
            elif isinstance(item, dict):
                yield name, item


def marker(item: Table) -> str:
    """The environment marker of a dependency: its own, and that of the versions of Python it is for."""
    own = str(item.get("markers", ""))
    python = versions.specifier(str(item.get("python", "")))
    clauses = [_python(clause) for clause in python.split(",") if clause]
    left = markers.both(own or True, " and ".join(clauses) or True)
    return left if isinstance(left, str) else ""


def _python(clause: str) -> str:
    operator = clause.rstrip("0123456789.*abrc+!-")
    version = clause.removeprefix(operator)
    name = "python_full_version" if len(versions.release(version)) > 2 else "python_version"
    return f"{name} {operator} '{version}'"


def line(name: str, item: Table) -> str:
    """The line of a requirements file for a dependency."""
    extras = tables.strings(item.get("extras"))
    what = f"{name}[{','.join(extras)}]" if extras else name
    link = _link(item)
    what += f" @ {link}" if link else versions.specifier(str(item.get("version", "")))
    where = marker(item)
    return f"{what} ; {where}" if where else what


def _link(item: Table) -> str:
    if "git" in item:
        revision = next((str(item[key]) for key in ("rev", "tag", "branch") if item.get(key)), "HEAD")
        return pins.git(str(item["git"]), revision, str(item.get("subdirectory", "")))
    if "url" in item:
        return str(item["url"])
    path = item.get("path") or item.get("file")
    return f"./{path}" if path else ""


def edge(name: str, item: Table) -> Edge:
    """That a project or a package depends on another."""
    where = marker(item)
    extras = frozenset(names.normal(extra) for extra in tables.strings(item.get("extras")))
    constraint = versions.specifier(str(item.get("version", "")))
    return Edge(names.normal(name), constraint, markers.simplify(where) if "extra" not in where else where, extras)
