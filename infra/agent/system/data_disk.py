"""The disk for data: it is mounted, is known again, and outlives the machine. What is on it is in data_places.py."""

from __future__ import annotations

from pathlib import Path

from infra.agent.system import block_device, disk_ids, files, mounts, say, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.layout import STATE, UNITS
from infra.protocol import data_disk as places
from infra.protocol import paths

MOUNT = Path(paths.DATA_DISK)
APPS = MOUNT / "apps"
"""A folder for each app: ``data``, and ``kept`` with what else has to outlive a machine."""
RECORD = STATE / "data-disk.json"
"""Which disk this machine's data is on: the disk's own id, and where the disk is."""


def ensure(place: str) -> bool:
    """Have the disk for data mounted. Says whether anything changed.

    Args:
        place: Where it is (see ``infra.protocol.data_disk``).

    Raises:
        Failure: It is not there, or is another one than that with this machine's data. Nothing has changed.
    """
    if place == places.NONE:
        return _check_none()
    known = str((files.read_json(RECORD) or {}).get("id") or "")
    changed = False
    if place == places.MOUNTED:
        if mounts.found(MOUNT) is None:
            raise Failure(f"The disk for data is not mounted at {MOUNT}. {missing_advice()}")
    else:
        changed = block_device.mount([Path(each) for each in places.devices(place)], MOUNT)
    if known and disk_ids.identity() != known:
        raise Failure(
            f"The disk at {MOUNT} is not the one with this machine's data ({disk_ids.identity() or 'it is new'}, and "
            f"not {known}). Nothing was changed. Attach that disk again; or if its data may be lost, remove {RECORD} "
            "on the machine, and run this again."
        )
    identity = disk_ids.begin()
    made = [files.directory(MOUNT, 0o755), files.directory(APPS, 0o755)]
    recorded = files.write_json(RECORD, {"id": identity, "place": place}, 0o644)
    if recorded:
        say.step("data", f"data is kept on the disk at {MOUNT}, which outlives this machine")
    return changed or any(made) or recorded


def _check_none() -> bool:
    if RECORD.exists():
        raise Failure(
            f"This machine's data is on a disk of its own at {MOUNT}, and this deployment says that it has none. "
            "Nothing was changed. Give the machine its disk for data again, and run this again."
        )
    return False


def is_used() -> bool:
    """Whether this machine's data is on a disk of its own."""
    return RECORD.exists()


def missing_advice() -> str:
    """What a person does where the disk is not there."""
    place = str((files.read_json(RECORD) or {}).get("place") or "")
    device = f" ({place})" if place.startswith("/") else ""
    return f"Attach the disk{device} again, and run: launchpad up"


def remove() -> None:
    """Have this machine use no disk for data any more; nothing of an app's is on it, or stays there."""
    name = mounts.unit(MOUNT)
    if (UNITS / name).exists():
        systemd.stop(name)
        systemd.disable(name)
        files.remove_tree(UNITS / name)
        for path in UNITS.glob("dev-disk-by*uuid-*.device.d/launchpad.conf"):
            files.take_away(path)
        systemd.reload()
        MOUNT.rmdir()
    RECORD.unlink(missing_ok=True)
