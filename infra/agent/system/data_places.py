"""What is on the disk for data and where it is used: each place is mounted by a unit, which what uses it requires."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from infra.agent.system import data_disk, disk_ids, files, mounts, moving, owned, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.layout import BACKUP_STATE, PROXY_STATE, PROXY_USER, UNITS, App
from infra.agent.system.moving import Place

DROP_IN = "data-disk.conf"
PROXY_UNIT = f"{PROXY_USER}.service"
PROXY = Place("The proxy's certificates", PROXY_STATE, data_disk.MOUNT / "proxy")
BACKUPS = Place("The record of the backups", BACKUP_STATE, data_disk.MOUNT / "backups")


def of(app: App) -> tuple[Place, Place]:
    """What is kept of an app: its data, and what else outlives the machine."""
    folder = data_disk.APPS / app.name
    return (
        Place(f"The data of {app.name}", app.data, folder / "data"),
        Place(f"The history of {app.name}", app.kept, folder / "kept"),
    )


def users_of(app: App) -> tuple[Path, ...]:
    """The drop-ins of the units that start only with the app's data: its processes, its jobs, its public files."""
    units = (app.template.name, app.job_template.name, f"{app.files_unit}.service")
    return tuple(UNITS / f"{unit}.d" / DROP_IN for unit in units)


def settle(app: App, pause: Callable[[], AbstractContextManager[None]]) -> bool:
    """Have an app's places on the disk, and mounted. Says whether anything changed.

    Args:
        app: The app.
        pause: Stops what uses them for as long as they are moved.

    Raises:
        Failure: As in ``moving.move``, or they cannot be mounted. What was there is still there.
    """
    changed = _settle(of(app), users_of(app), pause)
    disk_ids.settle(app.user, [place.source for place in of(app)][:1])
    return changed


def settle_proxy(pause: Callable[[], AbstractContextManager[None]]) -> bool:
    """The same of the proxy's state."""
    changed = _settle((PROXY,), (UNITS / f"{PROXY_UNIT}.d" / DROP_IN,), pause)
    disk_ids.settle(PROXY_USER, [PROXY.source])
    return changed


def settle_backups(pause: Callable[[], AbstractContextManager[None]]) -> bool:
    """The same of how the backups went: another machine knows then what is proved, and which repository was there.

    Raises:
        Failure: As in ``settle``, or the machine's disk for data is not there.
    """
    if not data_disk.is_used():
        return False
    if mounts.found(data_disk.MOUNT) is None:
        raise Failure(f"The disk for data is not mounted at {data_disk.MOUNT}. {data_disk.missing_advice()}")
    return _settle((BACKUPS,), (), pause)


def _settle(
    places: tuple[Place, ...], users: Iterable[Path], pause: Callable[[], AbstractContextManager[None]]
) -> bool:
    changed = [files.write(path, mounts.requirement(places[0].path)) for path in users]
    changed += [files.write(UNITS / mounts.unit(place.path), _unit(place)) for place in places]
    if any(changed):
        systemd.reload()
    missing = [place for place in places if not is_bound(place)]
    if missing:
        with pause():
            for place in missing:
                moving.move(place)
                _bind(place)
    for place in places:
        systemd.enable(mounts.unit(place.path), UNITS / mounts.unit(place.path))
        moving.forget(place)
    return bool(missing) or any(changed)


def _unit(place: Place) -> str:
    return mounts.bind_unit(place.what, place.path, data_disk.MOUNT, place.source)


def _bind(place: Place) -> None:
    moving.mount_point(place.path)
    name = mounts.unit(place.path)
    systemd.start(name)
    if not is_bound(place):
        raise Failure(f"{place.what} cannot be mounted at {place.path}: {systemd.state(name).describe()}")


def is_bound(place: Place) -> bool:
    """Whether a place of the disk is mounted where it is used."""
    return mounts.is_bound(place.path, data_disk.MOUNT, place.source)


def trouble(app: App) -> str:
    """Why an app's data is not there, and what to do; empty if it is there, or on the machine's own disk."""
    gone = [place for place in of(app) if (UNITS / mounts.unit(place.path)).exists() and not is_bound(place)]
    if not gone:
        return ""
    return (
        f"{gone[0].what} is on the disk for data, which is not mounted at {gone[0].path}, so {app.name} does not start "
        f"rather than begin with empty data. {data_disk.missing_advice()}"
    )


def release(app: App, *, keep: bool) -> list[str]:
    """Take an app's places away from where they are used; the app is stopped.

    Args:
        app: The app.
        keep: Whether they stay on the disk.

    Returns:
        What could not be removed, and why.
    """
    places = of(app)
    if not any((UNITS / mounts.unit(place.path)).exists() for place in places):
        return []
    _unmount(places, users_of(app))
    folder = data_disk.APPS / app.name
    if keep:
        return []
    if mounts.found(data_disk.MOUNT) is None:
        return [f"{folder}: the disk for data is not there. {data_disk.missing_advice()}"]
    if folder.is_dir():
        owned.discard(folder)
        disk_ids.forget(app.user)
    return [f"{folder}: could not be emptied in time; run it again"] if folder.exists() else []


def kept(app: App) -> list[str]:
    """Where an app's data is that stays on the disk."""
    path = of(app)[0].source
    return [str(path)] if path.is_dir() else []


def release_proxy() -> None:
    """Take the proxy's place away from where it is used; the proxy is stopped."""
    if data_disk.is_used():
        _unmount((PROXY,), (UNITS / f"{PROXY_UNIT}.d" / DROP_IN,))


def release_backups() -> None:
    """Take the record of the backups off the disk, as nobody has any more."""
    if (UNITS / mounts.unit(BACKUPS.path)).exists():
        _unmount((BACKUPS,), ())
        if mounts.found(data_disk.MOUNT) is not None and BACKUPS.source.is_dir():
            owned.discard(BACKUPS.source)


def leave() -> None:
    """Have this machine use the disk no more. What is kept of an app stays, and the certificates with it."""
    if not data_disk.is_used():
        return
    if mounts.found(data_disk.MOUNT) is not None and not _holds_data():
        owned.discard(PROXY.source)
        disk_ids.FILE.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            data_disk.APPS.rmdir()
    data_disk.remove()


def _holds_data() -> bool:
    """Whether something stays on the disk, of an app or of what serves the apps, such as a database."""
    ours = {data_disk.APPS.name, PROXY.source.name, disk_ids.FILE.name, "lost+found"}
    return moving.filled(data_disk.APPS) or any(path.name not in ours for path in data_disk.MOUNT.iterdir())


def _unmount(places: Iterable[Place], users: Iterable[Path]) -> None:
    for place in places:
        name = mounts.unit(place.path)
        systemd.stop(name)
        systemd.disable(name)
        files.remove_tree(UNITS / name)
        if not is_bound(place):
            with contextlib.suppress(OSError):
                place.path.rmdir()
    for path in users:
        files.take_away(path)
    systemd.reload()
