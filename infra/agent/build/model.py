"""Reads the build plan of a release from its files on this machine."""

from __future__ import annotations

from pathlib import Path

from infra.agent.system import bounded
from infra.agent.system.app_files import AppFiles
from infra.agent.system.failure import Failure
from infra.app_model.build_plan import BuildPlan
from infra.app_model.files import AppError
from infra.protocol.specs import DeploySpec


def read(spec: DeploySpec, root: Path, top: Path) -> BuildPlan:
    """The build plan of a release.

    Args:
        spec: The settings.
        root: The app's directory in the release.
        top: The commit's root directory.

    Raises:
        Failure: The app's files are not right, or take too long to read.
    """
    # Late: it takes a seventh of a second, and most commands of the agent read no app.
    from infra.app_model import plan  # noqa: PLC0415

    def read_now() -> BuildPlan:
        try:
            return plan.plan(AppFiles(root, top), spec)
        except AppError as error:
            raise Failure(str(error)) from error

    return bounded.call(read_now, "Reading the app's files")
