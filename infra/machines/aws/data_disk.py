"""A stack's data disk as AWS has it, found by its tags: one that outlived its machine is taken over by the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TAG = "Role"

BY_ID = "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_"
"""What udev puts before a volume's id, which is the serial number of its NVMe device.

Source: docs.aws.amazon.com/ebs/latest/userguide/identify-nvme-ebs-device.html.
"""


def tags(machine: str) -> dict[str, str]:
    """The tags that tell a machine's data disk, besides the owner's.

    Args:
        machine: The name of the machine's component; a program may have several machines.
    """
    return {TAG: f"data of {machine}"}


def device(volume: str) -> str:
    """The path on the machine of a volume by its id: its name by number changes from boot to boot."""
    return BY_ID + volume.replace("-", "")


@dataclass(frozen=True)
class DataDisk:
    """A disk that is there."""

    id: str
    """On EC2 the volume's id, on Lightsail the disk's name."""

    size: int
    """In GB."""

    zone: str
    attached: bool
    created: str = ""
    """The day, such as 2026-11-27."""

    def __str__(self) -> str:
        """The disk in a message."""
        since = f", of {self.created}" if self.created else ""
        return f"{self.id} ({self.size} GB{since})"


class Refused(Exception):
    """The data disk that is there does not go with what the config asks for."""


def only(disks: Sequence[DataDisk]) -> DataDisk | None:
    """The one disk of the stack; None if there is none.

    Raises:
        Refused: There are several, and nobody can know which has the data.
    """
    if len(disks) > 1:
        raise Refused(
            f"{len(disks)} disks have the tags of this stack's data disk: {', '.join(map(str, disks))}; delete the "
            f"one that is not wanted, or take the tag {TAG} off it"
        )
    return disks[0] if disks else None


def told(key: str, wanted: int, disk: DataDisk | None, *, grows: bool) -> list[str]:
    """What becomes of the data disk that is there, for the preview.

    Args:
        key: The config key of the size.
        wanted: The size that the config asks for, in GB; 0: no data disk.
        disk: The disk that is there.
        grows: Whether AWS can make such a disk larger.

    Raises:
        Refused: It cannot become what the config asks for.
    """
    if disk is None:
        return []
    if not wanted and disk.attached:
        raise Refused(
            f"{key} is 0, but the machine has its data on {disk}, and a machine cannot give up its data disk. Set the "
            "key to its size; to be rid of the disk, destroy the stack (launchpad:on_destroy says what becomes of the "
            "data) and bring it up again without one"
        )
    if not wanted:
        return [f"DATA: the disk {disk} of this stack is there, and stays unused while {key} is 0"]
    if grows and wanted < disk.size:
        raise Refused(
            f"{key} is {wanted}G, but {disk.id} has {disk.size} GB, and a volume cannot shrink; set it to "
            f"{disk.size}G or more"
        )
    size = f"; it keeps its size for now, and grows to {wanted} GB at the next `pulumi up`"
    found = f"DATA: the disk {disk} of this stack is there: this machine gets it with all that is on it"
    if wanted == disk.size:
        return [] if disk.attached else [found]
    if not grows:
        same = (
            f"{key} is {wanted}G, but the disk {disk.id} keeps its {disk.size} GB: AWS cannot resize it, and a new one "
            "would be empty"
        )
        return [same] if disk.attached else [found, same]
    if disk.attached:
        return [f"DATA: the disk {disk.id} grows from {disk.size} to {wanted} GB in place; the machine runs on"]
    return [found + size]


def moved(key: str, wanted: str, placed: str) -> str:
    """Why a machine cannot be in another zone than its data disk; empty if it is to be in the same.

    Args:
        key: The config key that decides the machine's zone.
        wanted: The zone that the config asks for.
        placed: The zone that the disk is in.
    """
    if wanted == placed:
        return ""
    return (
        f"{key} puts the machine into {wanted}, but its data disk is in {placed}, and a disk cannot leave its zone. "
        f"Set the key so that the machine is in {placed}; to move for good, bring up another stack there and carry the "
        "data over"
    )
