"""What of a poetry.lock is needed, where the lock itself does not say: those of Poetry 1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from infra.app_model.dependencies import graph, markers, names, poetry_requirements, tables, versions
from infra.app_model.dependencies.graph import Edge
from infra.app_model.dependencies.markers import Marker
from infra.app_model.dependencies.tables import Table


def needed(own: Table, found: Sequence[Table], chosen: Sequence[str], extras: set[str]) -> list[tuple[Table, Marker]]:
    """The packages of a lock that a project needs, and where.

    Args:
        own: The content of its pyproject.toml.
        found: The packages of the lock.
        chosen: The groups that are installed besides the main one.
        extras: The normalised names of the extras that are installed.
    """
    by_name: dict[str, list[int]] = {}
    for number, package in enumerate(found):
        by_name.setdefault(names.normal(str(package.get("name", ""))), []).append(number)

    def find(edge: Edge) -> Iterable[str]:
        numbers = by_name.get(edge.name, [])
        fitting = [
            number for number in numbers if versions.allows(edge.constraint, str(found[number].get("version", "")))
        ]
        return [str(number) for number in (fitting or numbers if len(numbers) > 1 else numbers)]

    def needs(key: str, of_extras: frozenset[str]) -> Iterator[Edge]:
        package = found[int(key)]
        offered = tables.table(package, "extras", file="poetry.lock")
        asked = {
            names.named(line)[0]
            for name, lines in offered.items()
            if names.normal(name) in of_extras
            for line in tables.strings(lines)
        }
        for name, item in poetry_requirements.entries(tables.table(package, "dependencies", file="poetry.lock")):
            if item.get("optional") is True and names.normal(name) not in asked:
                continue
            edge = poetry_requirements.edge(name, item)
            marker = markers.simplify(str(edge.marker), of_extras) if isinstance(edge.marker, str) else edge.marker
            yield Edge(edge.name, edge.constraint, marker, edge.extras)

    where = graph.closure(_roots(own, chosen, extras), find, needs)
    return [(found[int(key)], marker) for key, marker in sorted(where.items(), key=lambda item: int(item[0]))]


def _roots(own: Table, chosen: Sequence[str], extras: set[str]) -> Iterator[Edge]:
    poetry = tables.table(own, "tool", "poetry")
    asked = {
        names.normal(line)
        for name, lines in tables.table(poetry, "extras").items()
        if names.normal(name) in extras
        for line in tables.strings(lines)
    }
    for name, item in poetry_requirements.entries(tables.table(poetry, "dependencies")):
        if item.get("optional") is not True or names.normal(name) in asked:
            yield poetry_requirements.edge(name, item)
    for group in chosen:
        of_group = tables.table(poetry, "group", group, "dependencies")
        for name, item in poetry_requirements.entries(of_group):
            yield poetry_requirements.edge(name, item)
