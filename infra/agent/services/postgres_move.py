"""Moves the databases to the machine's disk for data, when it gets one: a copy, then a switch by rename."""

from __future__ import annotations

import shutil
from pathlib import Path

from infra.agent.services import postgres_place
from infra.agent.services.postgres_files import UNIT
from infra.agent.services.postgres_place import DATA_DISK, OWN_DISK
from infra.agent.system import files, owned, say, sh, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.moving import SPARE
from infra.protocol import data_disk

FORMER = ".moved"
"""Ends the name of a cluster that has been copied, until the copy is in use."""


def settle(disk: str) -> bool:
    """Have the databases on the disk for data, if there is one and it has none; says whether they were moved.

    Args:
        disk: Where the machine's disk for data is.

    Raises:
        Failure: They cannot be copied; they are where they were, and the server runs.
    """
    for former in OWN_DISK.glob(f"*{FORMER}"):
        # Killed between the two renames, neither has its name.
        if not (DATA_DISK / former.stem / "PG_VERSION").exists():
            former.rename(former.with_suffix(""))
    there = postgres_place.majors(OWN_DISK)
    if disk == data_disk.NONE or not there or postgres_place.majors(DATA_DISK):
        return False
    files.directory(DATA_DISK, 0o755)
    _check_room()
    say.step("database", f"moving the databases from {OWN_DISK} to {DATA_DISK}")
    systemd.stop(UNIT)
    try:
        for major in there:
            _copy(OWN_DISK / str(major), DATA_DISK / f"{major}.new")
    except Failure:
        systemd.start(UNIT)  # every app with a database would be without it
        raise
    for major in there:
        own, new = OWN_DISK / str(major), DATA_DISK / f"{major}.new"
        own.rename(own.with_name(f"{major}{FORMER}"))
        new.rename(DATA_DISK / str(major))
    # What is removed in the end is on another disk, on which that may be written first.
    sh.run(["sync", "--file-system", str(DATA_DISK)], doing="Writing the databases")
    return True


def _check_room() -> None:
    """Refuse a move for which there is no room, before the server is stopped for it."""
    size, free = owned.size(OWN_DISK), files.free_bytes(DATA_DISK)
    if size + SPARE > free:
        raise Failure(
            f"The databases take {size // 10**6} MB, and the disk for data has {free // 10**6} MB free. Give the "
            "machine a larger disk for data, and run this again. Nothing was changed."
        )


def _copy(own: Path, new: Path) -> None:
    """Copy a cluster, and have the copy on its disk."""
    files.remove_tree(new)
    try:
        sh.run(["cp", "--archive", "--", str(own), str(new)], doing="Copying the databases")
        sh.run(["sync", "--file-system", str(new)], doing="Writing the databases")
    except Failure:
        files.remove_tree(new)
        raise


def end(disk: str) -> None:
    """Remove what was moved, now that the server runs with the copy."""
    if disk != data_disk.NONE and any(OWN_DISK.glob(f"*{FORMER}")):
        shutil.rmtree(OWN_DISK)
