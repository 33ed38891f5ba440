"""Versions: the constraints of Poetry and Pipenv as those of the packaging standards, and what they allow."""

from __future__ import annotations

import re
from itertools import zip_longest

CLAUSE = re.compile(r"(?P<operator>\^|~=|~|===|==|!=|>=|<=|>|<|=)?[ \t]*(?P<version>[0-9*][0-9A-Za-z.!+*_-]*)")
RELEASE = re.compile(r"v?(?:\d+!)?(?P<release>\d+(?:\.\d+)*)(?P<rest>.*)")


def release(version: str) -> tuple[int, ...]:
    """The numbers of a version, such as (3, 13, 5); empty if it has none."""
    match = RELEASE.fullmatch(version.strip())
    return tuple(int(number[:9]) for number in match["release"].split(".")) if match else ()


def specifier(constraint: str) -> str:
    """A constraint of Poetry, such as ``^1.2`` or ``~1.2``, as a specifier of the standards.

    Args:
        constraint: The constraint; several are joined by commas or spaces. Of alternatives (``||``) that have lower
            bounds, all between the lowest and the highest are allowed: the standards have no "or".

    Returns:
        The specifier, such as ``>=1.2,<2``; empty if everything is allowed.
    """
    alternatives = [part for part in re.split(r"\|\|?", constraint) if part.strip()]
    if len(alternatives) > 1:
        parts = [specifier(part) for part in alternatives]
        lower = [clause for clause in parts[0].split(",") if clause.startswith((">", "=="))]
        upper = [clause for clause in parts[-1].split(",") if clause.startswith("<")]
        return ",".join([clause.replace("==", ">=").removesuffix(".*") for clause in lower] + upper)
    clauses = [_clause(match["operator"] or "", match["version"]) for match in CLAUSE.finditer(constraint)]
    return ",".join(clause for clause in clauses if clause)


def _clause(operator: str, version: str) -> str:
    numbers = release(version.removesuffix(".*").rstrip("*."))
    if not numbers:
        return ""  # "*"
    if operator == "^":
        place = next((place for place, number in enumerate(numbers) if number), len(numbers) - 1)
        return f">={version},<{_next(numbers, place)}"
    if operator == "~":
        return f">={version},<{_next(numbers, min(1, len(numbers) - 1))}"
    return f"{'==' if operator in ('', '=') else operator}{version}"


def _next(numbers: tuple[int, ...], place: int) -> str:
    return ".".join(str(number) for number in (*numbers[:place], numbers[place] + 1))


def allows(specifiers: str, version: str) -> bool | None:
    """Whether a specifier allows a version.

    Args:
        specifiers: A specifier such as ``>=3.11,<3.14``.
        version: A final release, such as 3.13.5.

    Returns:
        The answer; None if it is not plain enough to tell.
    """
    numbers = release(version)
    for clause in filter(None, (part.strip() for part in specifiers.split(","))):
        match = re.fullmatch(r"(~=|===|==|!=|>=|<=|>|<)[ \t]*(\d+(?:\.\d+)*)(\.\*)?", clause)
        if not match:
            return None
        wanted = release(match[2])
        if not _holds(match[1], numbers, wanted, bool(match[3])):
            return False
    return True


def _holds(operator: str, have: tuple[int, ...], wanted: tuple[int, ...], prefix: bool) -> bool:
    if operator == "~=":
        return _compare(have, wanted) >= 0 and have[: len(wanted) - 1] == wanted[:-1]
    if operator in ("==", "===", "!="):
        same = have[: len(wanted)] == wanted if prefix else _compare(have, wanted) == 0
        return same if operator != "!=" else not same
    order = _compare(have, wanted)
    return {">=": order >= 0, "<=": order <= 0, ">": order > 0, "<": order < 0}[operator]


def _compare(left: tuple[int, ...], right: tuple[int, ...]) -> int:
    for one, other in zip_longest(left, right, fillvalue=0):
        if one != other:
            return 1 if one > other else -1
    return 0
