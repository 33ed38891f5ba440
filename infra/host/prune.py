"""Removes old releases after a success."""

from __future__ import annotations

from collections.abc import Sequence

from . import build, history, launches, repository, space, specifications
from .layout import App


def prune(app: App, keep: int, serving: str) -> None:
    """Keep the serving release and the ``keep - 1`` that served before it; builds that never served go.

    What a process still runs in (the old slot, while it stops) stays until the next time.
    """
    releases = build.all_built(app)
    last = {entry.release: entry.number for entry in history.entries(app) if entry.served}
    gone = superfluous([built.release for built in releases if built.served], last, keep, serving)
    gone |= {built.release for built in releases if not built.served and built.release != serving}
    # The old slot and its workers may still be stopping; their releases go after the next deployment.
    used = build.running(app) if gone else set()
    gone = {release for release in gone if app.releases / release not in used}
    build.remove(app, [built for built in releases if built.release in gone])
    specifications.forget_all_but(app, {built.release for built in build.all_built(app)})
    repository.forget_pushed(app, {built.revision for built in build.all_built(app)})
    if gone:
        repository.tidy(app)


def make_room(app: App, keep: int) -> None:
    """Have room for a build: on a nearly full disk, releases beyond ``keep`` go, and then the caches."""
    serving = str(launches.serving(app).get("release", ""))
    if space.free(app) < space.LEAST_FREE and serving:
        prune(app, keep, serving)
    space.make_room(app, space.LEAST_FREE)


def superfluous(releases: Sequence[str], last: dict[str, int], keep: int, serving: str) -> set[str]:
    """The releases to remove: all but the serving one and those that were deployed last before it."""
    others = sorted((name for name in releases if name != serving), key=lambda name: last.get(name, 0), reverse=True)
    return set(others[keep - 1 :])
