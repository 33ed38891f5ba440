"""Which databases the kind of a stack's machine can bring for an app."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from infra.config.checks import Check
from infra.config.key import NAMESPACE
from infra.config.settings import Settings


def possible(able: Sequence[str]) -> Check:
    """The check of ``database`` for a kind of machine.

    Args:
        able: What the kind can bring.
    """
    words = " or ".join(["empty", *able])

    def database_possible(settings: Settings) -> Iterator[str]:
        wrong = {app.database for app in settings.each_app if app.database and app.database not in able}
        for name in sorted(wrong):
            yield (
                f"{NAMESPACE}:database is {name}, which machine {settings.machine} does not have; it must be {words}"
            )

    database_possible.__doc__ = f"database is {words}."
    return database_possible
