"""What a stack outputs of a resource that failed while Pulumi went on with others."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

import pulumi

from infra.deployment.settled import settled
from tests.program.recorder import run

T = TypeVar("T")


async def soon(value: T) -> T:
    """A value as the engine gives it."""
    return value


def output(value: str | None) -> pulumi.Output[str]:
    """An output; None for one of a resource that failed, which the engine calls unknown."""
    text: Awaitable[str] = soon(value)  # type: ignore[arg-type]
    return pulumi.Output(soon(set()), text, soon(value is not None))


def shown(value: str | None, *, preview: bool = False) -> object:
    return run(lambda: pulumi.export("release", settled(output(value))), {}, preview=preview).outputs["release"]


def test_the_output_of_a_resource_that_failed_is_empty_and_not_the_engines_word_for_unknown() -> None:
    assert shown("0123456789ab") == "0123456789ab"
    assert shown(None) == ""


def test_a_preview_leaves_unknown_what_only_the_update_makes_known() -> None:
    assert shown(None, preview=True) is None
