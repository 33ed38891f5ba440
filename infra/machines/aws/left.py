"""Data disks and snapshots that stacks have left on AWS, known by their tags, and the stack that is given one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from infra.machines.aws.data_disk import DataDisk, Refused, tags


@dataclass(frozen=True)
class Left:
    """A disk or a snapshot.

    Attributes:
        id: On EC2 its id, on Lightsail its name.
        what: disk or snapshot.
        size: In GB.
        stack: The stack that it is tagged with, as project/stack; empty if it has no such tags.
        state: Whether it is in use, and since when it is there.
        place: Its zone, or the region of a snapshot.
    """

    id: str
    what: str
    size: int
    stack: str
    state: str
    place: str


@dataclass(frozen=True)
class Target:
    """The stack that is given one.

    Attributes:
        region: Its region.
        owner: The tags of its own resources.
        machine: The name of its machine's component.
        zone: The zone that its config names; empty: none.
        subnet: The subnet that its config names; empty: none.
        instance_type: The machine's type on EC2.
    """

    region: str
    owner: Mapping[str, str]
    machine: str
    zone: str = ""
    subnet: str = ""
    instance_type: str = ""

    def tags(self) -> dict[str, str]:
        """The tags by which the next ``up`` finds the disk, and takes it over."""
        return {**self.owner, **tags(self.machine)}


def stack_of(found: Iterable[Mapping[str, str]]) -> str:
    """The stack of tags as AWS returns them; empty if they are not of a stack's data disk."""
    known = {each.get("Key", each.get("key", "")): each.get("Value", each.get("value", "")) for each in found}
    if known.get("ManagedBy") != "pulumi" or not known.get("Role", "").startswith("data of "):
        return ""
    return f"{known.get('Project', '?')}/{known.get('Stack', '?')}"


def check(source: str, own: DataDisk | None, *, attached: str = "", wrong_zone: str = "") -> None:
    """Refuse what cannot be handed over.

    Args:
        source: The disk's or the snapshot's id.
        own: The disk that the stack has already.
        attached: The machine that the disk is attached to; empty: none.
        wrong_zone: Why the stack's machine cannot have it where it is; empty: it can.

    Raises:
        Refused: It cannot.
    """
    if own:
        raise Refused(
            f"this stack has the data disk {own} already. Destroy the stack first; launchpad:on_destroy says what "
            "becomes of its data"
        )
    if attached:
        raise Refused(
            f"{source} is attached to {attached}, which uses it. Destroy that machine's stack first, with "
            "launchpad:on_destroy keep"
        )
    if wrong_zone:
        raise Refused(wrong_zone)
