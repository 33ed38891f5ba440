"""Which backups there are, and how they went, for people and programs."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from infra.agent.backup import records, restic
from infra.agent.machine import backup_state
from infra.agent.machine.backup_state import Backup
from infra.agent.system.failure import Failure


class Listed(TypedDict):
    """A snapshot: its id, when it was taken (RFC 3339), and whether the last drill that went well was of it."""

    id: str
    when: str
    verified: bool


class Listing(TypedDict):
    """The backups of an app: how they went, and the snapshots, the oldest first."""

    app: str
    backup: Backup
    snapshots: list[Listed]


def listing(app: str) -> Listing:
    """The backups of an app.

    Raises:
        Failure: It has none, or the repository cannot be read.
    """
    spec = records.of_app(app)
    found = backup_state.of(app)
    if found is None:
        raise Failure(f"{app} is not backed up: set launchpad:backup.repository, and run launchpad up.")
    places = records.Places(spec.owner)
    taken = restic.parse(restic.run(spec, places, restic.snapshots(spec, places, app), restic.LISTED))
    snapshots = [Listed(id=each.id, when=each.when, verified=each.id == found["verified_snapshot"]) for each in taken]
    return Listing(app=app, backup=found, snapshots=snapshots)


def text(found: Listing) -> str:
    """The backups of an app as a person reads them."""
    lines = [
        f"{each['id']}  {shown(each['when'])}{'  verified' if each['verified'] else ''}" for each in found["snapshots"]
    ]
    count = f"{len(lines)} snapshot{'' if len(lines) == 1 else 's'}"
    head = [f"{found['app']}: {count} in {found['backup']['repository']}"]
    return "\n".join([*head, *lines, *(each.strip() for each in backup_state.lines(found["backup"]))])


def shown(text: str) -> str:
    """A time of restic's in the machine's time zone; it has more digits than Python 3.10 reads."""
    day, _, rest = text.partition("T")
    zone = rest[rest.rfind("+" if "+" in rest else "-") :] if ("+" in rest or "-" in rest) else "+00:00"
    return datetime.fromisoformat(f"{day}T{rest[:8]}{zone}").astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
