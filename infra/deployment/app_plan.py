"""The build plan of an app as the workstation can make it, before anything exists: from the commit's files."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass

import pulumi

from infra.app_model.build_plan import BuildPlan
from infra.app_model.files import AppError, UnreadCodeError
from infra.common import printable
from infra.deployment import commit_files, remote_files, specifications
from infra.deployment.app import AppArgs
from infra.deployment.commit_files import CommitFiles
from infra.deployment.git_objects import UnreadableCommitError
from infra.deployment.remote_files import TookTooLongError
from infra.deployment.repository import Repository
from infra.deployment.revision import Revision
from infra.deployment.source import Source
from infra.deployment.specifications import Resolved
from infra.deployment.variables import Variables
from infra.protocol.specs import DeploySpec

NEWEST = (3, 13)
"""The Python of the newest machine. An older one on this computer may not read what that reads."""
HOOK = ".launchpad/hooks/before_build"
"""A hook that may write any of the files that decide, so that only the machine can make the plan."""


@dataclass(frozen=True)
class Planned:
    """What the workstation knows of an app's build.

    Attributes:
        plan: The plan; empty if the commit's files cannot be read from here.
        why_not: Why they cannot; empty if they can.
    """

    plan: BuildPlan
    why_not: str = ""


def read(app: AppArgs, source: Source, revision: Revision, environment: Variables, secrets: Variables) -> Planned:
    """Make the build plan of a deployment; call it before any resource is made.

    Args:
        app: The app.
        source: Its repository.
        revision: The commit.
        environment: The app's variables, of which some may be outputs of other resources.
        secrets: Its secret variables.

    Raises:
        RunError: The app's files are not right, its dependencies cannot be installed, or nothing says how it starts.
    """
    from infra.app_model import plan  # noqa: PLC0415 - late: see infra.deployment.preload

    repository, commit = source.repository, revision.sha
    try:
        with files_of(source, commit) as files:
            if files.text(HOOK) is not None:
                return Planned(BuildPlan(), f"{HOOK} may change the app's files; the machine decides after it ran")
            made = plan.plan(files, _specification(app, source, revision, environment, secrets))
            if made.install.refused:
                raise AppError(made.install.refused)
            return Planned(made)
    except UnreadableCommitError as error:
        if repository.path is None and revision.name != commit and not isinstance(error, TookTooLongError):
            # The server has just answered for the branch. Without a plan the generated secrets would go.
            raise pulumi.RunError(f"launchpad:repository is {repository.name!r}: {error}; run it again") from None
        return Planned(BuildPlan(), str(error))
    except UnreadCodeError as error:
        if sys.version_info >= NEWEST:
            raise _refusal(app, repository, commit, error) from None
        newer = "The machine's Python may be newer, and decides."
        return Planned(BuildPlan(), f"{printable.lines(str(error))}\n{newer}")
    except AppError as error:
        raise _refusal(app, repository, commit, error) from None


def _refusal(app: AppArgs, repository: Repository, commit: str, error: AppError) -> pulumi.RunError:
    return pulumi.RunError(
        f"{app.name} cannot be deployed from {repository.name} at {commit[:12]}:\n{printable.lines(str(error))}"
    )


def files_of(source: Source, revision: str) -> AbstractContextManager[CommitFiles]:
    """The files of a commit, as long as the block lasts; those of a remote repository are fetched.

    Raises:
        UnreadableCommitError: They cannot be read from here.
    """
    repository = source.repository
    if repository.path is None:
        return remote_files.read(source, revision)
    return commit_files.read_all(repository.path, revision, repository.directory, source.allow_missing)


def _specification(
    app: AppArgs, source: Source, revision: Revision, environment: Variables, secrets: Variables
) -> DeploySpec:
    """The settings of a deployment as far as they are known now; values that are not known yet are empty."""
    resolved = Resolved(environment=_known(environment), secrets=_known(secrets))
    return specifications.deploy(app, source, revision, resolved, "")


def _known(variables: Variables) -> dict[str, str]:
    return {name: value if isinstance(value, str) else "" for name, value in variables.items()}
