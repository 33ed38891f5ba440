"""Which extras and groups of a project are installed."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from infra.app_model.dependencies import names
from infra.app_model.files import AppError
from infra.protocol.app_settings import Dependencies

USUAL = ("prod", "production")
"""The groups that are installed wherever a project has them."""


def groups(wanted: Dependencies, known: Iterable[str], kind: str) -> tuple[str, ...]:
    """The groups to install besides the main dependencies, as the project spells them.

    Args:
        wanted: The settings.
        known: The groups that there are.
        kind: The name of the file that has them.

    Raises:
        AppError: There is no such group.
    """
    return _chosen(wanted.groups, known, "group", kind) if wanted.groups else _usual(known)


def extras(wanted: Dependencies, known: Iterable[str], kind: str) -> tuple[str, ...]:
    """The extras to install, as the project spells them. Arguments and errors as in ``groups``."""
    return _chosen(wanted.extras, known, "extra", kind)


def _usual(known: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in known if names.normal(name) in USUAL)


def _chosen(wanted: Collection[str], known: Iterable[str], what: str, kind: str) -> tuple[str, ...]:
    spelled = {names.normal(name): name for name in known}
    for name in wanted:
        if names.normal(name) not in spelled:
            there = f"it has {', '.join(sorted(spelled.values()))}" if spelled else "it has none"
            raise AppError(f"launchpad:{what}s has {name}, but {kind} has no {what} of that name; {there}")
    return tuple(spelled[names.normal(name)] for name in wanted)
