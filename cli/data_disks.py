"""The disks for data and the snapshots where a stack's machine is, or would be, and the one that the stack is given."""

from __future__ import annotations

from collections.abc import Sequence

from cli import aws_data, root
from cli.failure import Failure
from cli.held_disk import MACHINE, Held
from cli.stack import Stack

ELSEWHERE = (
    "the data of a machine {kind} is on the machine itself, so no disk is handed over. To carry it to another machine: "
    "launchpad backup now, launchpad restore --into STACK"
)


def listed(stack: Stack) -> list[Held]:
    """What there is.

    Raises:
        Failure: It cannot be seen, or machines of this kind have none.
    """
    if stack.is_local:
        return _local(stack)
    if stack.machine in ("ec2", "lightsail"):
        return aws_data.listed(stack)
    raise Failure(ELSEWHERE.format(kind=stack.machine))


def adopt(stack: Stack, source: str, *, abandoned: bool) -> str:
    """Give a disk, or a copy of a snapshot, to a stack; says what comes next.

    Args:
        stack: The stack.
        source: The id.
        abandoned: Whether it may be of a clone that is gone.

    Raises:
        Failure: It cannot be had.
    """
    if stack.is_local:
        return _adopt_local(stack, source, abandoned=abandoned)
    if stack.machine in ("ec2", "lightsail"):
        return aws_data.adopt(stack, source)
    raise Failure(ELSEWHERE.format(kind=stack.machine))


def table(found: Sequence[Held]) -> list[str]:
    """The list as lines."""
    rows = [("ID", "WHAT", "SIZE", "STACK", "STATE", "PLACE")]
    rows += [(each.id, each.what, each.size, each.stack, each.state, each.place) for each in found]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _local(stack: Stack) -> list[Held]:
    from infra.machines.embedded import client  # noqa: PLC0415 - late: only this asks the driver
    from infra.machines.embedded.requests import ListMachines  # noqa: PLC0415
    from infra.machines.embedded.shell import MachineError  # noqa: PLC0415
    from infra.machines.embedded.sizes import show  # noqa: PLC0415

    root.need(stack)
    try:
        found = client.ask(ListMachines())
    except MachineError as error:
        raise Failure(str(error)) from None
    return [
        Held(
            id=each.id,
            what="snapshot" if each.state == "snapshot" else "disk",
            state={"snapshot": f"taken on {each.kept}", "kept": f"kept on {each.kept}"}.get(each.state, "in use"),
            size=f"{show(each.used)} of {show(each.size)}",
            stack=f"{each.owner.project or '?'}/{each.owner.stack or '?'}",
            place=each.owner.clone or each.image,
        )
        for each in (*found.disks, *found.snapshots)
    ]


def _adopt_local(stack: Stack, source: str, *, abandoned: bool) -> str:
    from infra.machines.embedded import client  # noqa: PLC0415 - late, as above
    from infra.machines.embedded.requests import AdoptData  # noqa: PLC0415
    from infra.machines.embedded.shell import MachineError  # noqa: PLC0415
    from infra.machines.embedded.sizes import show  # noqa: PLC0415
    from infra.machines.embedded.state import Owner  # noqa: PLC0415
    from infra.protocol import codec  # noqa: PLC0415

    root.need(stack)
    owner = Owner(str(stack.project.root), stack.project.name, stack.name, MACHINE)
    try:
        found = client.ask(AdoptData(source, owner, abandoned))
    except (MachineError, codec.MessageError) as error:
        raise Failure(str(error)) from None
    return (
        f"stack {stack.name} has {source} as its disk for data now: {show(found.used)} of {show(found.size)} in "
        f"{found.image}. Next: {stack.command('up')}"
    )
