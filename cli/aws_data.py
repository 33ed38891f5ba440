"""The data disks and snapshots at AWS, for a stack whose machine is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING

from cli.failure import Failure
from cli.held_disk import MACHINE, Held
from cli.stack import NAMESPACE, Stack

if TYPE_CHECKING:
    from infra.machines.aws.left import Target


def listed(stack: Stack) -> list[Held]:
    """What there is in the stack's region.

    Raises:
        Failure: AWS cannot be asked.
    """
    region, kind = _region(stack), _kind(stack)
    with _failures():
        return [
            Held(each.id, each.what, each.state, f"{each.size}G", each.stack, each.place)
            for each in kind.listed(region)
        ]


def adopt(stack: Stack, source: str) -> str:
    """Give a disk, or one made of a snapshot, to a stack; says what comes next.

    Args:
        stack: The stack.
        source: The id.

    Raises:
        Failure: It cannot be had.
    """
    kind = _kind(stack)
    with _failures():
        disk = kind.adopt(_target(stack), source)
    made = "" if disk == source else f", made of {source},"
    return (
        f"{disk}{made} has the tags of stack {stack.name} now, whose next up takes it over. Next: {stack.command('up')}"
    )


def _kind(stack: Stack) -> ModuleType:
    """The module that knows the kind's disks."""
    from infra.machines.ec2 import left_volumes  # noqa: PLC0415 - late: only these commands ask AWS
    from infra.machines.lightsail import left_disks  # noqa: PLC0415

    return left_volumes if stack.machine == "ec2" else left_disks


def _region(stack: Stack) -> str:
    key = f"{stack.machine}.region"
    if not (region := stack.setting(key)):
        raise Failure(f"{NAMESPACE}:{key} of stack {stack.name} is empty; set it to the region that has the disk")
    return region


def _target(stack: Stack) -> Target:
    from infra.machines.aws.left import Target  # noqa: PLC0415 - late, as above
    from infra.machines.aws.owner import owner_tags  # noqa: PLC0415
    from infra.machines.ec2.settings import DEFAULTS  # noqa: PLC0415

    region = _region(stack)
    return Target(
        region,
        owner_tags(stack.project.name, stack.name),
        MACHINE,
        zone=stack.setting("lightsail.zone") or f"{region}a",
        subnet=stack.setting("ec2.subnet_id"),
        instance_type=stack.setting("ec2.instance_type") or DEFAULTS.instance_type,
    )


@contextmanager
def _failures() -> Iterator[None]:
    """Tell a refusal, and what AWS says, as a failure."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - slow, and only these commands need it

    from infra.machines.aws.data_disk import Refused  # noqa: PLC0415

    try:
        yield
    except Refused as why:
        raise Failure(str(why)) from None
    except (BotoCoreError, ClientError) as error:
        raise Failure(f"cannot ask AWS: {error}") from None
