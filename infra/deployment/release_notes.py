"""What a release consists of, as a resource: its preview says what goes out, and the state keeps what went out.

A resource, because only the stack's state knows what is deployed: the program cannot read it, a provider gets it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, Resource, UpdateResult

from infra.deployment import git, what_goes_out
from infra.deployment.what_goes_out import Contents
from infra.machines.providers import PlainProvider

CONTENTS = ("revision", "dependencies", "variables", "decisions", "notes", "release")
MOST_COMMITS = 1000
"""Commits that are counted."""
FIRST_LINE = "What goes out with {app}:"


class ReleaseNotesProvider(PlainProvider):
    """Says what changes when its inputs are checked, in a preview and in an update."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Print what goes out, which Pulumi shows as a message."""
        before, after = Contents.of(_olds), Contents.of(news)
        found = what_goes_out.lines(before, after, commits(news.get("repository"), before.revision, after.revision))
        if found:
            print("\n".join([FIRST_LINE.format(app=news.get("app")), *(f"  {line}" for line in found)]), flush=True)
        return CheckResult(news, [])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Keep what went out."""
        return CreateResult(props["app"], props)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Only the contents count: the path of the repository is this computer's."""
        return DiffResult(changes=any(_olds.get(name) != _news.get(name) for name in CONTENTS))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Keep what went out."""
        return UpdateResult(_news)


def commits(repository: object, before: str, after: str) -> Sequence[str]:
    """The commits between two, one line each; none if the repository is not here or does not have both."""
    if not isinstance(repository, str) or not repository or not before or before == after:
        return ()
    options = ("--no-show-signature", "--no-color", "--no-notes", "--encoding=UTF-8", "--format=%h %s")
    found = git.run(Path(repository), "log", *options, f"--max-count={MOST_COMMITS}", f"{before}..{after}", "--")
    return found.out.splitlines() if found.ok else ()


class ReleaseNotes(Resource, module="launchpad", name="ReleaseNotes"):
    """What a release consists of; made after the release, so that the state has what really went out.

    Args:
        name: The resource's name.
        app: The app's name.
        repository: The path of a local repository; empty for a remote one.
        contents: What the release consists of, its variables left out.
        variables: A digest of the value of each variable by its name; encrypted in the state.
        opts: Options of the resource.
    """

    def __init__(
        self,
        name: str,
        *,
        app: str,
        repository: str,
        contents: Contents,
        variables: pulumi.Input[Mapping[str, str]],
        opts: pulumi.ResourceOptions,
    ) -> None:
        properties = {
            **contents.as_data(),
            "app": app,
            "repository": repository,
            "variables": pulumi.Output.secret(variables),
        }
        super().__init__(ReleaseNotesProvider(), name, properties, opts)
