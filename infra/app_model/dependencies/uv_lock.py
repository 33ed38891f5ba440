"""Projects of uv: pyproject.toml with uv.lock, which may be that of the workspace above."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from infra.app_model.dependencies import graph, markers, names, pins, project, settings, tables
from infra.app_model.dependencies.graph import Edge
from infra.app_model.dependencies.install import Install
from infra.app_model.dependencies.tables import Table
from infra.app_model.files import AppError, Files
from infra.protocol.app_settings import Dependencies

LOCK = "uv.lock"
OUTDATED = "uv.lock does not fit pyproject.toml: run uv lock and commit it"


def locked(own: Table, lock: str, files: Files, wanted: Dependencies) -> Install:
    """How a project of uv is installed.

    Args:
        own: The content of its pyproject.toml.
        lock: The text of its uv.lock.
        files: The app's files.
        wanted: The settings.

    Raises:
        AppError: The lock is not right, or the settings name what is not there.
    """
    parsed = tables.toml(LOCK, lock)
    if not isinstance(parsed.get("package", []), list):
        raise AppError("uv.lock has no list of packages; run uv lock and commit it")
    packages = tables.tables(parsed, "package")
    options, chosen, extras = project.options(own, wanted)
    needed = _needed(own, packages, chosen, extras)
    dynamic = tables.strings(tables.table(own, "project").get("dynamic"))
    # A question that uv cannot answer offline means that the lock is outdated, if everything comes from registries.
    static = not {"dependencies", "optional-dependencies"} & set(dynamic) and all(map(_is_static, packages))
    itself = project.installs_itself(own)
    strange = next(filter(None, map(_strange, needed)), "")
    unproven = (pins.ITSELF if itself else strange) or settings.unproven(own, files, lock)
    only = "" if itself else " --no-install-project"
    # The lock is compared with pyproject.toml alone, whatever index this machine uses.
    alone = 'env $UNSET UV_DEFAULT_INDEX="$LOCK_INDEX" UV_INDEX="$LOCK_INDEXES"'
    fits = f'{alone} "$UV" lock --check{" --offline" if static else ""} --python "$PYTHON"'
    known = "'network was disabled|needs to be updated'"
    refuse = f'{{ grep -Eq {known} /tmp/lock || cat /tmp/lock; echo "{OUTDATED}"; exit 1; }}'
    registries = [_registry(package) for package in packages]
    return Install(
        LOCK,
        commands=(
            f"{fits} >/tmp/lock 2>&1 || {refuse}",
            f'"$UV" sync --frozen --no-dev --python "$PYTHON"{only}{options}',
        ),
        unproven=unproven,
        content=lock + (files.text("pyproject.toml") or ""),
        packages=_versions(needed),
        indexes=tuple(dict.fromkeys(filter(None, registries))),
        requires_python=str(tables.table(own, "project").get("requires-python", "")),
    )


def versions(lock: str) -> dict[str, str]:
    """The version of each package in a uv.lock; of several versions, all of them.

    Raises:
        AppError: It is not TOML.
    """
    return _versions(tables.tables(tables.toml(LOCK, lock), "package"))


def reached(own: Table, lock: str, wanted: Dependencies) -> set[str]:
    """The names of the packages that are installed with a project, other members of its workspace among them.

    Args:
        own: The content of its pyproject.toml.
        lock: The text of its uv.lock.
        wanted: The settings.

    Raises:
        AppError: The lock is not TOML, or the settings name what is not there.
    """
    _, chosen, extras = project.options(own, wanted)
    needed = _needed(own, tables.tables(tables.toml(LOCK, lock), "package"), chosen, extras)
    return {names.normal(str(package.get("name", ""))) for package in needed}


def has_members(own: Table) -> bool:
    """Whether a pyproject.toml is that of a workspace."""
    return "workspace" in tables.table(own, "tool", "uv")


def _versions(packages: Sequence[Table]) -> dict[str, str]:
    found = (
        pins.Pin(names.normal(str(each.get("name", ""))), str(each.get("version", "")))
        for each in packages
        if not {"virtual", "editable"} & _source(each).keys()
    )
    return pins.versions(found)


def _needed(own: Table, packages: Sequence[Table], chosen: Sequence[str], extras: Sequence[str]) -> list[Table]:
    """The packages that the project needs; all of them if the lock does not have the project itself."""
    name = names.normal(str(tables.table(own, "project").get("name", "")))
    by_name: dict[str, list[int]] = {}
    for number, package in enumerate(packages):
        by_name.setdefault(names.normal(str(package.get("name", ""))), []).append(number)

    def find(edge: Edge) -> Iterator[str]:
        for number in by_name.get(edge.name, ()):
            if edge.constraint in ("", str(packages[number].get("version", ""))):
                yield str(number)

    def needs(key: str, of_extras: frozenset[str]) -> Iterator[Edge]:
        package = packages[int(key)]
        yield from _edges(package.get("dependencies"))
        optional = tables.table(package, "optional-dependencies", file=LOCK)
        for extra, items in optional.items():
            if names.normal(extra) in of_extras:
                yield from _edges(items)
        if names.normal(str(package.get("name", ""))) == name:
            of_groups = tables.table(package, "dev-dependencies", file=LOCK)
            for group in chosen:
                yield from _edges(of_groups.get(group))

    if name not in by_name:
        return list(packages)
    root = Edge(name, extras=frozenset(map(names.normal, extras)))
    reached = graph.closure([root], find, needs)
    return [packages[int(key)] for key in sorted(reached, key=int) if int(key) not in by_name[name]]


def _edges(items: object) -> Iterator[Edge]:
    for item in tables.tables({"items": items}, "items"):
        marker = markers.simplify(str(item.get("marker", "")))
        extras = frozenset(map(names.normal, tables.strings(item.get("extra"))))
        yield Edge(names.normal(str(item.get("name", ""))), str(item.get("version", "")), marker, extras)


def _source(package: Table) -> Table:
    source = package.get("source")
    return source if isinstance(source, dict) else {}


def _registry(package: Table) -> str:
    url = str(_source(package).get("registry", ""))
    return url if url.startswith(("http://", "https://")) else ""


def _strange(package: Table) -> str:
    kind = next(iter(_source(package)), "nothing")
    return "" if _registry(package) else f"uv.lock has {package.get('name')} from {kind}, not from a registry"


def _is_static(package: Table) -> bool:
    source = _source(package)
    local = [source[kind] for kind in ("editable", "directory", "virtual") if kind in source]
    return bool(_registry(package)) or local == ["."] or "virtual" in source
