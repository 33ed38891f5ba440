"""Removes old releases after a success."""

from __future__ import annotations

from collections.abc import Sequence

from infra.agent.build import cleanup, contents_refs, inventory, repository
from infra.agent.process import launch_file, run_launch
from infra.agent.release import history, specifications
from infra.agent.system import space
from infra.agent.system.layout import App


def prune(app: App, keep: int, serving: str) -> None:
    """Remove all releases but the serving one and those that served before it; builds that never served go, too.

    A release in which a process still runs (the old slot while it stops, a command of ``run``) stays until the next
    deployment.

    Args:
        app: The app.
        keep: How many releases to keep, the serving one included.
        serving: The serving release.
    """
    releases = inventory.all_built(app)
    last = {entry.release: entry.number for entry in history.entries(app) if entry.served}
    gone = superfluous([built.release for built in releases if built.served], last, keep, serving)
    gone |= {built.release for built in releases if not built.served and built.release != serving}
    with run_launch.settled(app):
        used = cleanup.in_use(app) if gone else set()
        chosen = [built for built in releases if built.release in gone and app.releases / built.release not in used]
        cleanup.unmark(app, chosen)
    cleanup.remove(app, chosen)
    specifications.forget_all_but(app, {built.release for built in inventory.all_built(app)})
    revisions = {built.revision for built in inventory.all_built(app)}
    repository.forget_pushed(app, revisions)
    contents_refs.forget(app, revisions)
    if chosen:
        repository.tidy(app)


def make_room(app: App, keep: int) -> None:
    """Make room for a build: on a nearly full disk, remove the releases beyond ``keep``, then the caches.

    Raises:
        NoSpace: That was not enough.
    """
    serving = launch_file.serving_release(app)
    if space.free(app) < space.LEAST_FREE and serving:
        prune(app, keep, serving)
    space.make_room(app, space.LEAST_FREE)


def superfluous(releases: Sequence[str], last: dict[str, int], keep: int, serving: str) -> set[str]:
    """The releases to remove.

    Args:
        releases: All of them.
        last: The number of the last deployment of each; those that have none go first.
        keep: How many to keep, the serving one included.
        serving: The serving release.
    """
    others = sorted((name for name in releases if name != serving), key=lambda name: last.get(name, 0), reverse=True)
    return set(others[keep - 1 :])
