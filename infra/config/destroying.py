"""What the kind of a stack's machine can do with the data when the stack is destroyed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from infra.config.checks import Check
from infra.config.key import NAMESPACE
from infra.config.settings import Settings
from infra.protocol.on_destroy import OnDestroy


def possible(able: Sequence[OnDestroy]) -> Check:
    """The check of ``on_destroy`` for a kind of machine.

    Args:
        able: What the kind can do.
    """
    words = " or ".join(["empty", *able])

    def on_destroy_possible(settings: Settings) -> Iterator[str]:
        if settings.on_destroy and settings.on_destroy not in able:
            yield (
                f"{NAMESPACE}:on_destroy is {settings.on_destroy}, which machine {settings.machine} cannot do; "
                f"it must be {words}"
            )

    on_destroy_possible.__doc__ = f"on_destroy is {words}."
    return on_destroy_possible
