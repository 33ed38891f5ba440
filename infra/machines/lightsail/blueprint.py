"""The image of a Lightsail machine: chosen when the machine is created, and kept in the state from then on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource

from infra.machines.aws import session
from infra.machines.providers import PlainError, PlainProvider

PREFERRED = "debian_13"
DEBIAN = re.compile(r"debian((?:_[0-9]+)+)")


def usable(blueprints: Iterable[Mapping[str, Any]]) -> list[str]:
    """The ids of the images that Launchpad can use, of what ``GetBlueprints`` returns."""
    return sorted(
        str(each["blueprintId"])
        for each in blueprints
        if each.get("isActive", True) and each.get("type") == "os" and re.match("(debian|ubuntu)_", each["blueprintId"])
    )


def choose(ids: Iterable[str]) -> str | None:
    """Debian 13, or else the newest Debian; None if there is no Debian."""
    debians = {
        name: [int(part) for part in match[1].split("_")[1:]] for name in ids if (match := DEBIAN.fullmatch(name))
    }
    if PREFERRED in debians or not debians:
        return PREFERRED if debians else None
    return max(debians, key=lambda name: debians[name])


def problem(name: str, region: str, ids: list[str]) -> str:
    """Why a machine cannot be made from an image; empty if it can.

    Args:
        name: The image that the config names; empty if it names none.
        region: The AWS region.
        ids: The images that Launchpad can use there.
    """
    others = f"set launchpad:lightsail.blueprint to one of these: {', '.join(ids) or 'none'}"
    if not name:
        return "" if choose(ids) else f"Lightsail offers no Debian in {region}; {others}"
    if name in ids:
        return ""
    return f"launchpad:lightsail.blueprint is {name}, which {region} does not offer for new instances; {others}"


def offered(lightsail: Any) -> list[dict[str, Any]]:
    """Every image that Lightsail offers."""
    pages = lightsail.get_paginator("get_blueprints").paginate()
    return [blueprint for page in pages for blueprint in page["blueprints"]]


class DebianProvider(PlainProvider):
    """Chooses once, when the machine is created."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Ask Lightsail which images there are."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - half a second that few runs need

        try:
            ids = usable(offered(session.client("lightsail", props["region"])))
        except (BotoCoreError, ClientError) as error:
            raise PlainError(
                f"Cannot list Lightsail's blueprints: {error}. Allow lightsail:GetBlueprints, or name one by "
                "launchpad:lightsail.blueprint"
            ) from None
        chosen = choose(ids)
        if chosen is None:
            raise PlainError(problem("", props["region"], ids))
        return CreateResult(chosen, {"region": props["region"], "blueprint": chosen})

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """A newer Debian changes nothing about a machine that runs."""
        changed = _olds.get("region") != _news.get("region")
        return DiffResult(changes=changed, replaces=["region"] if changed else [])


class Debian(Resource, module="launchpad", name="LightsailDebian"):
    """The id of the Debian that a machine was created from."""

    blueprint: pulumi.Output[str]

    def __init__(self, name: str, region: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(DebianProvider(), name, {"region": region, "blueprint": None}, opts)
