"""The format of what Launchpad keeps on the machine, so that no older version damages it."""

from __future__ import annotations

from infra.agent.system import files
from infra.agent.system.failure import Failure
from infra.agent.system.layout import STATE

FORMAT = 2
"""Increase it with a change after which earlier versions of this program would misread what is on the machine."""
FILE = STATE / "format.json"
"""The format of the newest version that has prepared this machine; versions before the file had none."""
NEWER = (
    "A newer Launchpad has prepared this machine (its format is {found}, this version knows {known}), and this one "
    "could damage what that has written. Nothing was changed. Update this clone of Launchpad (git pull, make setup) or "
    "work from one that is as new as the machine."
)


def check() -> None:
    """Check that this version knows what is on the machine.

    Raises:
        Failure: A newer one has been here.
    """
    found = _recorded()
    if found > FORMAT:
        raise Failure(NEWER.format(found=found, known=FORMAT))


def record() -> None:
    """Record that this version has been here."""
    if _recorded() < FORMAT:
        files.write_json(FILE, {"format": FORMAT}, 0o644)


def _recorded() -> int:
    """The format on the machine; 0 if none is recorded, or nothing that can be read."""
    found = (files.read_json(FILE) or {}).get("format")
    return found if isinstance(found, int) else 0
