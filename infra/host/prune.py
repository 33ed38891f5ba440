"""Removes old releases after a success."""

from __future__ import annotations

from collections.abc import Sequence

from . import build, history, launches, repository, specifications
from .layout import App


def prune(app: App, keep: int, serving: str) -> None:
    """Keep the serving release and the ``keep - 1`` that served before it; builds that never served go."""
    releases = build.all_built(app)
    last = {entry.release: entry.number for entry in history.entries(app) if entry.served}
    gone = superfluous([built.release for built in releases if built.served], last, keep, serving)
    gone |= {built.release for built in releases if not built.served and built.release != serving}
    # The old slot and its workers may still be stopping; their releases go after the next deployment.
    gone -= launches.in_use(app)
    for built in releases:
        if built.release in gone:
            build.remove(app, built)
    build.remove_unused_virtualenvs(app)
    specifications.forget_all_but(app, {built.release for built in build.all_built(app)})
    repository.forget_pushed(app, {built.revision for built in build.all_built(app)})
    if gone:
        repository.tidy(app)


def superfluous(releases: Sequence[str], last: dict[str, int], keep: int, serving: str) -> set[str]:
    """The releases to remove: all but the serving one and those that were deployed last before it."""
    others = sorted((name for name in releases if name != serving), key=lambda name: last.get(name, 0), reverse=True)
    return set(others[keep - 1 :])
