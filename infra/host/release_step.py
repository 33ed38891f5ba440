"""Decides whether the Procfile's ``release:`` process runs in a deployment. Pure."""

from __future__ import annotations

import enum


class Step(enum.Enum):
    """What happens with the ``release:`` process, and why."""

    NONE = "the Procfile has none"
    RUN = "it has not run for this release with these settings"
    DONE = "it ran for this release with just these settings"
    BEHIND = "the release served before, so its migrations are behind the data"


def step(*, command: bool, ran_with: str, settings: str, serves: bool, served: bool) -> Step:
    """What is to be done, by what is there.

    ``ran_with`` and ``settings`` are digests: of the settings with which it last ran for this release (empty: never),
    and of today's. ``serves``: this commit serves now. ``served``: it did at some time. A build that never served is
    not one to go back to, however often its ``release:`` process ran with other settings.
    """
    if not command:
        return Step.NONE
    if ran_with == settings:
        return Step.DONE
    return Step.BEHIND if served and not serves else Step.RUN
