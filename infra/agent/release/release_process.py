"""Runs the Procfile's ``release:`` process of a release, if it has to run (see release_step.py)."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path

from infra.agent.build import inventory
from infra.agent.build.inventory import Built
from infra.agent.process import launch_file, tasks
from infra.agent.process.shell import shell
from infra.agent.release import history, release_step
from infra.agent.release.processes import Processes
from infra.agent.release.release_step import Step
from infra.agent.system import say, trees
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App


def run(app: App, processes: Processes, limit: float) -> Built:
    """Run the release process if it has to run; returns the release, with the settings that it ran with noted down.

    Args:
        app: The app.
        processes: The processes of the release.
        limit: Seconds that it may take.

    Raises:
        Failure: It failed or took too long.
    """
    built = processes.built
    command = processes.commands.get("release", "")
    if not command:
        return built
    settings = launch_file.digest(processes.environment)
    step = _step(app, built, command, settings)
    if step is Step.BEHIND:
        say.step("release", f"not run: {step.value}")
    if step is not Step.RUN:
        return built
    say.step("release", command)
    name, argv = f"The release process ({command})", shell(command)
    writable = (app.data, *static_folder(app, built))
    task = tasks.Task(name, argv, built.root, processes.environment, writable, limit, "launchpad:release_timeout")
    memory = processes.settings("release").memory
    tasks.run(app, dataclasses.replace(task, explain=processes.tree.remedy, memory=memory))
    built = dataclasses.replace(built, released_with=settings)
    inventory.record(app, built)
    return built


def static_folder(app: App, built: Built) -> list[Path]:
    """The folder in the release that collectstatic fills, which the process may write to: many collect once more.

    The build has done so by then, but the same Procfile serves elsewhere. Whatever else is in the release is read-only
    to the process, as to all processes that run later.
    """
    top = app.releases / built.release
    with contextlib.suppress(Failure, ValueError):
        folder = trees.folder(top, str(Path(built.collected).relative_to(top)))
        return [folder] if folder and folder != top and not built.root.is_relative_to(folder) else []
    return []


def _step(app: App, built: Built, command: str, settings: str) -> Step:
    """What is to be done, by what the machine knows of this release and commit."""
    serving = launch_file.serving(app)
    served = built.served or any(entry.revision == built.revision for entry in history.entries(app) if entry.served)
    return release_step.step(
        command=bool(command),
        ran_with=built.released_with,
        settings=settings,
        serves=serving is not None and serving.revision == built.revision,
        served=served,
    )
