"""A snapshot of the data disk before it is deleted. EC2's volumes take one themselves, Lightsail's disks do not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, UpdateResult

from infra.machines.aws import session
from infra.machines.providers import PlainError, PlainProvider

TIMEOUT = 3600.0
"""Seconds that a snapshot may take."""

PAUSE = 5.0
"""Seconds between two questions."""

GONE, THERE = "NotFoundException", "InvalidInputException"
"""Lightsail's answers about a disk or a snapshot that does not exist, and about a name that is taken."""


def name_of(disk: str) -> str:
    """The snapshot's name: of one disk there is one, so that a destroy that was interrupted finds its own."""
    return f"{disk}-last"


def take(lightsail: Any, disk: str, sleep: Callable[[float], None] = time.sleep, timeout: float = TIMEOUT) -> str:
    """Take the snapshot and wait until it is complete.

    Args:
        lightsail: A boto3 client.
        disk: The disk's name.
        sleep: Waits for a number of seconds.
        timeout: Seconds to wait.

    Returns:
        The snapshot's name; empty if there is no such disk.

    Raises:
        PlainError: It failed, or takes too long; the disk is still there.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415 - half a second that few runs need

    name = name_of(disk)
    try:
        lightsail.get_disk(diskName=disk)
    except ClientError as error:
        if error.response["Error"]["Code"] == GONE:
            return ""
        raise
    try:
        lightsail.create_disk_snapshot(diskName=disk, diskSnapshotName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != THERE or not _state(lightsail, name):
            raise
    until = time.monotonic() + timeout
    while (state := _state(lightsail, name)) != "completed":
        if state == "error" or time.monotonic() > until:
            raise PlainError(
                f"The snapshot {name} of the data disk {disk} is not complete ({state or 'it is not there'}), so the "
                "disk was not deleted. Look at it in Lightsail's console, and run pulumi destroy again"
            )
        sleep(PAUSE)
    return name


def _state(lightsail: Any, name: str) -> str:
    """The state of a snapshot; empty if there is none."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - as above

    try:
        return str(lightsail.get_disk_snapshot(diskSnapshotName=name)["diskSnapshot"]["state"])
    except ClientError as error:
        if error.response["Error"]["Code"] == GONE:
            return ""
        raise


class LastSnapshotProvider(PlainProvider):
    """Does nothing but at the end."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Note which disk it is about."""
        return CreateResult(name_of(props["disk"]), props)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Another disk is another matter, which replaces this; the wish may change at any time."""
        keys = ("disk", "region", "wanted")
        changed = [key for key in keys if _olds.get(key) != _news.get(key)]
        return DiffResult(changes=bool(changed), replaces=[key for key in changed if key != "wanted"])

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Note what is wanted now."""
        return UpdateResult(_news)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Take the snapshot, if one is wanted."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above

        if not _props["wanted"]:
            return
        try:
            take(session.client("lightsail", _props["region"]), _props["disk"])
        except (BotoCoreError, ClientError) as error:
            raise PlainError(
                f"Cannot take the snapshot of the data disk {_props['disk']} that launchpad:on_destroy asks for: "
                f"{error}. The disk was not deleted"
            ) from None


class LastSnapshot(Resource, module="launchpad", name="LightsailLastSnapshot"):
    """A disk's last snapshot, taken when this resource is deleted: before the disk, and after it was detached."""

    def __init__(
        self,
        name: str,
        disk: pulumi.Input[str],
        region: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        wanted: bool,
    ) -> None:
        super().__init__(LastSnapshotProvider(), name, {"disk": disk, "region": region, "wanted": wanted}, opts)
