"""The disks for data and the snapshots where a stack's machine is, or would be, and the one that the stack is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cli import root
from cli.failure import Failure
from cli.stack import Stack

if TYPE_CHECKING:
    from infra.machines.held_disks import DataDisks, Held, Seeker


def listed(stack: Stack) -> list[Held]:
    """What there is.

    Raises:
        Failure: It cannot be seen, or machines of this kind have none.
    """
    from infra.machines.held_disks import HandoverError  # noqa: PLC0415 - late: only these commands need it

    disks = _disks(stack)
    try:
        return disks.listed(_seeker(stack))
    except HandoverError as why:
        raise Failure(str(why)) from None


def adopt(stack: Stack, source: str, *, abandoned: bool) -> str:
    """Give a disk, or a copy of a snapshot, to a stack; says what comes next.

    Args:
        stack: The stack.
        source: The id.
        abandoned: Whether it may be of a clone that is gone.

    Raises:
        Failure: It cannot be had.
    """
    from infra.machines.held_disks import HandoverError  # noqa: PLC0415 - late, as above

    disks = _disks(stack)
    try:
        said = disks.adopt(_seeker(stack), source, abandoned=abandoned)
    except HandoverError as why:
        raise Failure(str(why)) from None
    return f"{said}. Next: {stack.command('up')}"


def table(found: Sequence[Held]) -> list[str]:
    """The list as lines."""
    rows = [("ID", "WHAT", "SIZE", "STACK", "STATE", "PLACE")]
    rows += [(each.id, each.what, each.size, each.stack, each.state, each.place) for each in found]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _disks(stack: Stack) -> DataDisks:
    from infra.machines.registry import KINDS  # noqa: PLC0415 - late, as above

    kind = KINDS.get(stack.machine)
    if kind is None or kind.disks is None:
        raise Failure(
            f"the data of a machine {stack.machine} is on the machine itself, so no disk is handed over. To carry it "
            "to another machine: launchpad backup now, launchpad restore --into STACK"
        )
    root.need(stack)
    return kind.disks()


def _seeker(stack: Stack) -> Seeker:
    from infra.machines.held_disks import Seeker  # noqa: PLC0415 - late, as above

    return Seeker(str(stack.project.root), stack.project.name, stack.name, stack.setting)
