"""Links the paths of a release that outlive it to ``$DATA_DIR``, before the release is complete."""

from __future__ import annotations

from collections.abc import Sequence

from infra.agent.build import inventory
from infra.agent.build.inventory import Built
from infra.agent.process import launch_file, tasks
from infra.agent.process.environments import Tree
from infra.agent.system import say
from infra.agent.system.layout import PERSISTER, App
from infra.app_model.build_plan import BuildPlan
from infra.protocol.specs import DeploySpec

LIMIT = 600.0
"""Seconds that it may take: a commit may bring gigabytes the first time."""


def link(app: App, tree: Tree, paths: Sequence[str]) -> None:
    """Have each path in ``$DATA_DIR`` and a link to it in the release; what is in ``$DATA_DIR`` stays as it is.

    The app's user does it, in the build's sandbox: see ``persist_shim``.

    Args:
        app: The app.
        tree: The release.
        paths: The paths, relative to the app's directory; those of folders end with ``/``.

    Raises:
        Failure: A path cannot be kept, with the reason.
    """
    if not paths:
        return
    say.step("build", f"keeping in $DATA_DIR: {', '.join(path.rstrip('/') for path in paths)}")
    argv = ["/usr/bin/python3", "-IS", str(PERSISTER), str(tree.root), str(app.data), *paths]
    task = tasks.Task(
        "Linking what is kept (launchpad:persist)",
        argv,
        tree.root,
        {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        (app.releases / tree.release, app.data),
        LIMIT,
    )
    tasks.run(app, task)


def kept(app: App, plan: BuildPlan, spec: DeploySpec) -> tuple[str, ...]:
    """The paths that a release keeps: those of its plan, and what the serving release keeps beside them."""
    from infra.app_model.persist import KEY, still_kept  # noqa: PLC0415 - late, as in model.py

    serving = launch_file.serving_release(app)
    before = next((built.persist for built in inventory.all_built(app) if built.release == serving), ())
    paths = still_kept(plan.persist, before, spec.persist)
    for path in paths:
        if path not in plan.persist:
            say.step("plan", f"kept data: {path} (the release {serving} keeps it; to decide otherwise: {KEY})")
    return paths


def is_linked(built: Built, paths: Sequence[str]) -> bool:
    """Whether a built release has all these links; one of an earlier version of this program has none."""
    return {path.rstrip("/") for path in paths} <= set(built.persist)
