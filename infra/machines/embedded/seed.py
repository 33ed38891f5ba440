"""The NoCloud seed: cloud-init's user data, written to a new machine's disk before its first boot."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

DIRECTORY = "var/lib/cloud/seed/nocloud"


def files(instance_id: str, hostname: str, user_data: str) -> dict[str, str]:
    """The seed's files, by name."""
    meta = {"instance-id": instance_id, "local-hostname": hostname}
    return {"meta-data": json.dumps(meta) + "\n", "user-data": user_data}


def plant(root: Path, contents: Mapping[str, str], owner: int) -> None:
    """Write the seed into the root file system of a machine that has never run.

    Do not call it later: a program on the machine could have replaced a directory with a symbolic link, and the seed
    would be written somewhere else on this computer.

    Args:
        root: The root file system.
        contents: The seed's files, by name.
        owner: The user id, on this computer, of the machine's root.
    """
    place = root
    for part in DIRECTORY.split("/"):
        place = place / part
        place.mkdir(exist_ok=True)
        os.chown(place, owner, owner)
    place.chmod(0o700)
    for name, text in contents.items():
        descriptor = os.open(place / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        os.chown(place / name, owner, owner)
