"""The step that requests the app at its public URL, as a resource. For why it is a dynamic one, see push_source."""

from __future__ import annotations

from typing import Any, TypedDict

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, UpdateResult

from infra.deployment import public_check
from infra.deployment.public_check import PublicUrl
from infra.machines.providers import PlainProvider
from infra.protocol.firewall import RuleData


class CheckPublicUrlProvider(PlainProvider):
    """Checks when it is created, and again when the release, the machine or the firewall has changed."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Check the public URL."""
        public_check.wait_until_healthy(PublicUrl.of(props["url"]))
        return CreateResult(props["revision"], props)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Any changed input repeats the check, and so does a restart of the machine."""
        replaces = ["triggers"] if _olds.get("triggers") != _news.get("triggers") else []
        changed = any(_olds.get(name) != value for name, value in _news.items() if not name.startswith("__"))
        return DiffResult(changes=changed, replaces=replaces)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Check the public URL again."""
        public_check.wait_until_healthy(PublicUrl.of(_news["url"]))
        return UpdateResult(_news)


class PublicUrlExtra(TypedDict, total=False):
    """The fields that are there only where they say something."""

    unmanaged: bool
    credentials: pulumi.Input[str]


class PublicUrlInputs(PublicUrlExtra):
    """The fields of a ``PublicUrl`` as resource inputs."""

    address: pulumi.Input[str]
    host: pulumi.Input[str]
    port: pulumi.Input[int]
    http_port: pulumi.Input[int]
    https: bool
    path: str
    status: str
    ca: pulumi.Input[str]
    timeout: float
    request_timeout: float
    fronted: bool


class CheckPublicUrl(Resource, module="launchpad", name="CheckPublicUrl"):
    """The check of a revision at its public URL.

    Args:
        name: The resource's name.
        url: The fields of a ``PublicUrl``, some of which may be outputs.
        revision: The commit that should answer.
        firewall: The machine's firewall rules; a change repeats the check.
        triggers: The check is repeated when one of them changes.
        opts: Options of the resource.
    """

    def __init__(
        self,
        name: str,
        *,
        url: PublicUrlInputs,
        revision: str,
        firewall: list[RuleData],
        triggers: list[Any],
        opts: pulumi.ResourceOptions,
    ) -> None:
        properties = {"url": url, "revision": revision, "firewall": firewall, "triggers": triggers}
        super().__init__(CheckPublicUrlProvider(), name, properties, opts)
