"""What a set of dependencies brings along, for locks that do not say to which group a package belongs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from infra.app_model.dependencies import markers
from infra.app_model.dependencies.markers import Marker

LONGEST = 2000
"""Characters of a marker; a package whose marker would be longer is installed without one."""


@dataclass(frozen=True)
class Edge:
    """That something depends on a package.

    Attributes:
        name: The package's normalised name.
        constraint: The versions that will do, as a specifier; empty for any.
        marker: Where it does.
        extras: The normalised names of the package's extras that it asks for.
    """

    name: str
    constraint: str = ""
    marker: Marker = True
    extras: frozenset[str] = frozenset()


@dataclass
class _Reached:
    marker: Marker = False
    extras: frozenset[str] = frozenset()


def closure(
    roots: Iterable[Edge],
    find: Callable[[Edge], Iterable[str]],
    needs: Callable[[str, frozenset[str]], Iterable[Edge]],
) -> dict[str, Marker]:
    """Where each package is needed that some dependencies bring along.

    Args:
        roots: The dependencies.
        find: The keys of the packages that an edge leads to.
        needs: The edges that lead on from a package with some of its extras.

    Returns:
        The marker of each package, by its key.
    """
    reached: dict[str, _Reached] = {}
    todo = list(roots)
    while todo:
        edge = todo.pop()
        if edge.marker is False:
            continue
        for key in find(edge):
            at = reached.setdefault(key, _Reached())
            marker, extras = _alternatives(at.marker, edge.marker), at.extras | edge.extras
            if (marker, extras) != (at.marker, at.extras):
                at.marker, at.extras = marker, extras
                todo += [replace(on, marker=markers.both(marker, on.marker)) for on in needs(key, extras)]
    return {key: at.marker for key, at in reached.items()}


def _alternatives(known: Marker, new: Marker) -> Marker:
    """Either of two markers; a new one that adds nothing to the known one changes nothing, so that circles end."""
    if known is True or (isinstance(known, str) and isinstance(new, str) and new in known):
        return known
    found = markers.either(known, new)
    return True if isinstance(found, str) and len(found) > LONGEST else found
