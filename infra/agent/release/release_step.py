"""Decides whether a deployment runs the Procfile's ``release:`` process. Pure."""

from __future__ import annotations

import enum


class Step(enum.Enum):
    """What happens with the ``release:`` process, and why."""

    NONE = "the Procfile has none"
    RUN = "it has not run for this release with these settings"
    DONE = "it ran for this release with just these settings"
    BEHIND = "the release served before, so its migrations are behind the data"


def step(*, command: bool, ran_with: str, settings: str, serves: bool, served: bool) -> Step:
    """What to do with the ``release:`` process.

    A build that never served is not one to go back to, however often its process ran with other settings.

    Args:
        command: Whether the Procfile has the process.
        ran_with: A digest of the settings with which it last ran for this release; empty if it never did.
        settings: The same digest of today's settings.
        serves: Whether this commit is serving now.
        served: Whether it ever served.
    """
    if not command:
        return Step.NONE
    if ran_with == settings:
        return Step.DONE
    return Step.BEHIND if served and not serves else Step.RUN
