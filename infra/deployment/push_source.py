"""The step that pushes a local repository's commit to the machine, as a resource.

It is a dynamic resource and not a local command of pulumi-command: a command line would contain the paths of this
package and of Python, so the stack would change for everyone who keeps the project in another folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, UpdateResult

from infra.deployment import connection
from infra.deployment.connection import Connection
from infra.deployment.push import Delivery, deliver
from infra.machines.contract import SshAccess
from infra.machines.providers import PlainProvider

CONTENT = ("app", "revision", "directory", "allow_missing")
"""The inputs that determine what is on the machine afterwards. The others only determine the connection."""


class PushSourceProvider(PlainProvider):
    """Pushes the commit, and pushes again for another commit or a new machine."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Push the commit."""
        _push(props)
        return CreateResult(props["revision"], props)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Another commit is an update; a new machine replaces the resource, because it is empty."""
        replaces = ["triggers"] if _olds.get("triggers") != _news.get("triggers") else []
        changed = any(_olds.get(name) != _news.get(name) for name in CONTENT)
        return DiffResult(changes=changed or bool(replaces), replaces=replaces)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Push the new commit."""
        _push(_news)
        return UpdateResult(_news)


def _push(props: dict[str, Any]) -> None:
    given = {name: props[name] for name in ("repository", "app", "revision", "directory")}
    allowed = tuple(props["allow_missing"])
    delivery = Delivery(**given, **vars(Connection.of(props)), allow_missing=allowed)
    deliver(delivery, float(props["timeout"]))


class PushSource(Resource, module="launchpad", name="PushSource"):
    """A commit in the app's repository on the machine; ``repository`` is the path of the local repository.

    What the commit refers to below ``directory`` (submodules, files of Git LFS) goes along, except for the kinds in
    ``allow_missing``.
    """

    def __init__(
        self,
        name: str,
        *,
        repository: str,
        app: str,
        revision: str,
        directory: str,
        allow_missing: Sequence[str],
        ssh: SshAccess,
        triggers: list[Any],
        timeout: int,
        opts: pulumi.ResourceOptions,
    ) -> None:
        properties: dict[str, Any] = {
            "repository": repository,
            "app": app,
            "revision": revision,
            "directory": directory,
            "allow_missing": list(allow_missing),
            "triggers": triggers,
            "timeout": timeout,
            **connection.properties(ssh),
        }
        super().__init__(PushSourceProvider(), name, properties, opts)
