"""Removes builds: what interrupted and failed ones left, and releases that are no longer kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from infra.agent.build import built_trees, inventory, kept_plans, public_files, repository
from infra.agent.build.inventory import Built
from infra.agent.process import launch_file, timers
from infra.agent.system import owned
from infra.agent.system.layout import App


def clean(app: App) -> None:
    """Remove what interrupted and failed builds left behind; what processes still run in stays, recorded or not."""
    complete = inventory.all_built(app)
    trees = {app.releases / built.release for built in complete}
    virtualenvs = {built.virtualenv for built in complete}
    left = [path for path in _entries(app.releases) if path not in trees]
    left += [path for path in _entries(app.virtualenvs) if path not in virtualenvs]
    if left:
        used = in_use(app)
        owned.remove(app, [path for path in left if path not in used])
    public_files.forget_all_but(app, {built.release for built in complete})


def in_use(app: App) -> set[Path]:
    """The trees and virtualenvs that processes of the app run in."""
    paths = set()
    timers.settle(app)
    for launch in launch_file.running(app):
        paths |= {app.releases / launch.release, Path(launch.env.get("VIRTUAL_ENV", "/nonexistent"))}
    return paths


def remove(app: App, gone: Sequence[Built]) -> None:
    """Remove releases, first the marks that they are complete, and the virtualenvs that no other release uses."""
    unmark(app, gone)
    used = {built.virtualenv for built in inventory.all_built(app)}
    unused = [path for path in _entries(app.virtualenvs) if path not in used]
    owned.remove(app, [*(app.releases / built.release for built in gone), *unused])
    public_files.forget_all_but(app, {built.release for built in inventory.all_built(app)})
    for built in gone:
        repository.forget(app, built.release)


def unmark(app: App, gone: Sequence[Built]) -> None:
    """Have releases count as complete no more, so that nothing starts in them; what is left of them is removed."""
    for built in gone:
        (app.built / f"{built.release}.json").unlink(missing_ok=True)
        kept_plans.forget(app, built.release)
        built_trees.forget(app, built.release)


def _entries(folder: Path) -> list[Path]:
    """What is in a directory of root's."""
    return sorted(folder.iterdir()) if folder.is_dir() else []
