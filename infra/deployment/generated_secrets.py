"""Secret variables that the app needs and nobody set, generated once and kept in the stack's state."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, UpdateResult

from infra.machines.providers import PlainProvider

BYTES = 48
"""Random bytes of a value; Django warns of keys under 50 characters, and these have 64."""


class GeneratedSecretsProvider(PlainProvider):
    """Generates a value for each name, and never another one for a name that has one."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Generate all values."""
        return CreateResult("generated", {**props, "values": _values(props["names"], {})})

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Only a name without a value is a change: an app that stops reading one may read it again tomorrow."""
        return DiffResult(changes=bool(set(_news["names"]) - set(_olds["values"])))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Generate the values that are missing."""
        return UpdateResult({**_news, "values": _values(_news["names"], _olds["values"])})


def _values(names: Sequence[str], known: dict[str, str]) -> dict[str, str]:
    return {**{name: secrets.token_urlsafe(BYTES) for name in names}, **known}


class GeneratedSecrets(Resource, module="launchpad", name="GeneratedSecrets"):
    """Generated values by the names of their variables; the state holds them encrypted.

    Attributes:
        values: The values by name, those of former names among them.
    """

    values: pulumi.Output[dict[str, str]]

    def __init__(self, name: str, *, names: Sequence[str], opts: pulumi.ResourceOptions) -> None:
        options = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(additional_secret_outputs=["values"]))
        super().__init__(GeneratedSecretsProvider(), name, {"names": sorted(names), "values": None}, options)
