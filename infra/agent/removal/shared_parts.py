"""What the apps of a machine share: removed with the last of them."""

from __future__ import annotations

from pathlib import Path

from infra.agent.backup import records as backups
from infra.agent.backup import settings as backup_settings
from infra.agent.firewall import firewall, parts
from infra.agent.machine import pending, record, settings
from infra.agent.proxy import certificates, proxy
from infra.agent.services import postgres_files, postgres_package, rds
from infra.agent.system import data_places, files, formats, manifest, package_record, packages, say
from infra.agent.system.failure import Failure
from infra.agent.system.layout import (
    BACKUPS,
    COMMAND,
    FILE_SOCKETS,
    LIB,
    OPT,
    PROXY_SETTINGS,
    RUN,
    SETTINGS,
    STATE,
    SUSPENDED,
    App,
)
from infra.protocol import paths

SHARED = frozenset(
    {
        *(certificates.FOLDER.name, PROXY_SETTINGS.name, parts.FOLDER.name),
        *(postgres_files.FOLDER.name, BACKUPS.name),
    }
)
"""What is among the folders of the apps' settings and is no app's."""


def apps() -> list[str]:
    """The apps that ``prepare`` has begun with here."""
    folders = SETTINGS.iterdir() if SETTINGS.is_dir() else []
    return sorted(path.name for path in folders if path.is_dir() and path.name not in SHARED)


def other_apps(app: App) -> list[str]:
    """The same without one."""
    return [name for name in apps() if name != app.name]


def in_use() -> bool:
    """Whether there is an app, or a stack has rules on the firewall, settings of the machine, or backups."""
    return bool(apps() or parts.recorded() or record.is_used() or backups.owners())


def remove_unused() -> None:
    """Remove all of it if nothing needs it any more.

    Raises:
        Failure: Some of it cannot be removed, with the reasons.
    """
    if in_use():
        return
    _, left = remove()
    if left:
        raise Failure("\n".join(f"not removed: {line}" for line in left))


def remove() -> tuple[list[str], list[str]]:
    """Remove all of it, last the program itself.

    Returns:
        The Debian packages that were purged; and what could not be removed, with the reason.
    """
    say.step("remove", "removing what the apps shared")
    proxy.stop()
    data_places.release_proxy()
    left = proxy.remove()
    purged: list[str] = []
    try:
        # Until settings and rules are taken back, they need their packages and the program: it takes people's commands.
        purged, reason = packages.purge(
            settings.still_needed()
            | firewall.still_needed()
            | backup_settings.still_needed()
            | postgres_package.still_needed()
        )
        if reason:
            left.append(reason)
        elif not in_use():
            files.remove_tree(package_record.RECORD)
        postgres_package.after_purge()
    except Failure as failure:
        left.append(str(failure))
    data_places.leave()
    if owners := sorted({*record.specs(), *parts.recorded(), *backups.owners()}):
        say.step("remove", f"the agent stays, for what {', '.join(owners)} set up on this machine")
        return purged, left
    files.remove_tree(pending.CACHE)
    rds.end()
    for path in (OPT, FILE_SOCKETS, SUSPENDED, Path(paths.CACHES), RUN):
        files.remove_tree(path)
    formats.FILE.unlink(missing_ok=True)
    manifest.remove()
    # Not whole trees: the disks of embedded machines may be in the folder of the state.
    for folder in (certificates.FOLDER, SETTINGS, STATE):
        _remove_empty(folder)
    COMMAND.unlink(missing_ok=True)
    files.remove_tree(LIB)
    return purged, left


def _remove_empty(folder: Path) -> None:
    """Remove a folder that is empty by now; otherwise tell what is in it."""
    if not folder.is_dir():
        return
    files.sweep(folder)
    try:
        folder.rmdir()
    except OSError:
        names = ", ".join(sorted(path.name for path in folder.iterdir()))
        say.step("remove", f"{folder} stays, with {names}")
