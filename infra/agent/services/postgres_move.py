"""Moves the databases to the machine's disk for data, when it gets one: a copy, then a switch by rename."""

from __future__ import annotations

import shutil

from infra.agent.services import postgres_place
from infra.agent.services.postgres_files import UNIT
from infra.agent.services.postgres_place import DATA_DISK, OWN_DISK
from infra.agent.system import files, say, sh, systemd
from infra.protocol import data_disk

FORMER = ".moved"
"""Ends the name of a cluster that has been copied, until the copy is in use."""


def settle(disk: str) -> bool:
    """Have the databases on the disk for data, if there is one and it has none; says whether they were moved.

    Args:
        disk: Where the machine's disk for data is.

    Raises:
        Failure: They cannot be copied; they are where they were.
    """
    for former in OWN_DISK.glob(f"*{FORMER}"):
        # Killed between the two renames, neither has its name.
        if not (DATA_DISK / former.stem / "PG_VERSION").exists():
            former.rename(former.with_suffix(""))
    there = postgres_place.majors(OWN_DISK)
    if disk == data_disk.NONE or not there or postgres_place.majors(DATA_DISK):
        return False
    say.step("database", f"moving the databases from {OWN_DISK} to {DATA_DISK}")
    systemd.stop(UNIT)
    files.directory(DATA_DISK, 0o755)
    for major in there:
        own, new = OWN_DISK / str(major), DATA_DISK / f"{major}.new"
        files.remove_tree(new)
        sh.run(["cp", "--archive", "--", str(own), str(new)], doing="Copying the databases")
        sh.run(["sync", "--file-system", str(new)], doing="Writing the databases")
        own.rename(own.with_name(f"{major}{FORMER}"))
        new.rename(DATA_DISK / str(major))
    return True


def end(disk: str) -> None:
    """Remove what was moved, now that the server runs with the copy."""
    if disk != data_disk.NONE and any(OWN_DISK.glob(f"*{FORMER}")):
        shutil.rmtree(OWN_DISK)
