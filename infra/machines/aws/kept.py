"""Looks for the data disk that a stack left, at every run: one that may skip its preview, too."""

from __future__ import annotations

from collections.abc import Callable

import pulumi

from infra.machines.aws.answers import DENIED, code_of
from infra.machines.aws.data_disk import DataDisk, Refused


def look(key: str, find: Callable[[], DataDisk | None]) -> DataDisk | None:
    """Look for the disk; None, and a warning, if the credentials do not permit it.

    Args:
        key: The config key of the disk's size.
        find: Asks AWS.

    Raises:
        Refused: There are several, or AWS does not answer.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - slow, and only machines on AWS need it

    try:
        return find()
    except BotoCoreError as error:
        raise Refused(f"cannot ask AWS for the stack's data disk ({key}): {error}") from None
    except ClientError as error:
        if (code := code_of(error)) not in DENIED:
            raise Refused(f"cannot ask AWS for the stack's data disk ({key}): {error}") from None
        pulumi.log.warn(
            f"the credentials do not permit to look for the stack's data disk ({code}): one that was kept is not "
            "found, and this machine gets a new one"
        )
        return None
