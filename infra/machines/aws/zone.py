"""A machine is in the zone of its data disk, or it is not made at all."""

from __future__ import annotations

from functools import partial
from typing import Any

import pulumi

from infra.machines.aws.data_disk import moved
from infra.machines.aws.scope import Scope


def beside(
    scope: Scope, value: pulumi.Input[str], *, key: str, zone: pulumi.Input[str], placed: pulumi.Input[str]
) -> pulumi.Output[str]:
    """A value that decides the machine's zone, if that is its data disk's.

    Args:
        scope: Names and options.
        value: The value.
        key: The config key that it comes from.
        zone: The zone that it puts the machine into.
        placed: The zone that the disk is in.

    Raises:
        RunError: In the output, before a machine is made that cannot have its data: the zone is another one.
    """
    first = pulumi.Stash(
        # Kept is where the disk was made: in another region Pulumi knows nothing of it, and would make a new one.
        scope.name("data-zone"),
        input=zone,
        opts=pulumi.ResourceOptions(parent=scope.parent, ignore_changes=["input"]),
    )
    # apart from the value, which a preview may not know yet
    checked = pulumi.Output.all(zone, placed, first.output).apply(partial(_check, key))
    return pulumi.Output.all(value, checked).apply(lambda values: str(values[0]))


def _check(key: str, values: list[Any]) -> str:
    zone, *placed = values
    for each in placed:
        if problem := moved(key, zone, each):
            raise pulumi.RunError(problem)
    return str(zone)
