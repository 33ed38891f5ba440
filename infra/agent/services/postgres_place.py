"""Where PostgreSQL's databases are on this machine, and which version they are of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from infra.agent.services import postgres_package
from infra.agent.services.postgres_files import UNIT_FILE
from infra.agent.system.failure import Failure
from infra.protocol import data_disk, paths

OWN_DISK = Path("/var/lib/launchpad-postgresql")
"""Where the databases are on a machine without a disk for data. Not Debian's folder, which a purge may empty."""
DATA_DISK = Path(paths.DATA_DISK) / "postgresql"
UPGRADE = (
    "The databases in {base} are of PostgreSQL {old}, and this machine has {new}, which cannot read them. Nothing was "
    'changed. Bring them over by a dump: docs/databases.md, "A new major version".'
)
STARTED = re.compile(r"^ExecStart=\S+/postgres -D (\S+) ", re.MULTILINE)


@dataclass(frozen=True)
class Cluster:
    """A cluster: where its databases are, and which version they are of."""

    base: Path
    major: int

    @property
    def data(self) -> Path:
        """The folder of the databases; the server's user's."""
        return self.base / str(self.major)

    @property
    def programs(self) -> Path:
        """The folder of its version's programs."""
        return postgres_package.programs(self.major)


def here() -> Cluster | None:
    """The cluster that the machine's unit is for; None if there is no unit."""
    try:
        found = STARTED.search(UNIT_FILE.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Cluster(Path(found[1]).parent, int(Path(found[1]).name)) if found else None


def base(disk: str) -> Path:
    """The folder of clusters.

    Args:
        disk: Where the machine's disk for data is.
    """
    return OWN_DISK if disk == data_disk.NONE else DATA_DISK


def chosen(folder: Path, versions: list[int]) -> Cluster:
    """The cluster of a folder: the one that is there, or one of the newest version.

    Args:
        folder: The folder.
        versions: The major versions that are installed, the oldest first.

    Raises:
        Failure: What is there is of a version that is not installed.
    """
    there = majors(folder)
    if not versions:
        raise Failure(
            f"PostgreSQL's programs are not in {postgres_package.PROGRAMS}, although its package is installed"
        )
    if there and there[-1] not in versions:
        has = " and ".join(f"PostgreSQL {version}" for version in versions)
        raise Failure(UPGRADE.format(base=folder, old=there[-1], new=has))
    return Cluster(folder, there[-1] if there else versions[-1])


def majors(folder: Path) -> list[int]:
    """The versions of which complete clusters are in a folder, the oldest first."""
    return sorted(int(path.parent.name) for path in folder.glob("*/PG_VERSION") if path.parent.name.isdigit())
