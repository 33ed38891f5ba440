"""Outputs of a resource that may fail while Pulumi goes on with others (``--continue-on-error``)."""

from __future__ import annotations

from collections.abc import Iterable

import pulumi


async def succeeded(resource: pulumi.Resource) -> bool:
    """Whether a resource is as it shall be, once that is known: neither did it fail nor was it skipped."""
    if pulumi.runtime.is_dry_run():
        return True
    return all([await value.is_known() for value in list(vars(resource).values()) if isinstance(value, pulumi.Output)])


async def made(resources: Iterable[pulumi.Resource]) -> list[pulumi.Resource]:
    """Those of the resources that are made, once it is known of all: what may depend on several that come and go.

    Pulumi skips what depends on a resource that failed. What is skipped keeps what its state refers to, and if the same
    update deletes that, Pulumi cannot read its own state any more.
    """
    return [each for each in resources if isinstance(each, pulumi.CustomResource) and await succeeded(each)]


async def after(always: pulumi.Resource, one: pulumi.Resource) -> list[pulumi.Resource]:
    """What a resource depends on that follows two others, of which one may be gone in another update (see ``made``).

    It waits for that one all the same, and is skipped where that one failed.
    """
    return [always] if one is always or await succeeded(one) else [always, one]


def settled(value: pulumi.Output[str]) -> pulumi.Output[str]:
    """A value that is empty if its resource failed. Pulumi would write its word for "unknown" into the stack's outputs.

    In a preview what is not known yet stays so.
    """
    if pulumi.runtime.is_dry_run():
        return value

    async def text() -> str:
        return (await value.future()) or "" if await value.is_known() else ""

    async def known() -> bool:
        return True

    return pulumi.Output(value.resources(), text(), known(), value.is_secret())
