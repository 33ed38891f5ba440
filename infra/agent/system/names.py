"""An app's name on the machine, and its user: an app takes over nothing that belongs to somebody else."""

from __future__ import annotations

import contextlib
import pwd
from pathlib import Path

from infra.agent.system import disk_ids, users
from infra.agent.system.failure import Failure
from infra.agent.system.layout import BACKUP_CACHE, BACKUP_USER, MOVED, PROXY_STATE, PROXY_USER, App

GECOS = "Launchpad app"
"""How the comment of every app's user begins, by which it is known again."""
OURS = b"launchpad"
"""What each unit of Launchpad's names, from its first version on."""
SYSTEM_UNITS = (Path("/usr/lib/systemd/system"), Path("/lib/systemd/system"))
HOME = frozenset({"repo.git", "releases", "python", "data", "static", "tmp", "unpacked"})
"""What an app has in its home."""
SHOWN = 5
"""Names of foreign files that a message lists."""


def check(app: App) -> None:
    """Refuse a name that would take over a user, a unit or a directory of somebody else.

    Raises:
        Failure: Says what has the name.
    """
    if reason := _taken(app):
        raise Failure(f"The app cannot be called {app.name}: {reason}. Choose another name.")
    if foreign := _foreign_in(app.home) if not app.settings.exists() else []:
        shown = ", ".join(foreign[:SHOWN])
        raise Failure(f"{app.home} holds something else ({shown}). Choose another name, or move it away.")


def _taken(app: App) -> str:
    """What has the app's name already; empty if nothing has."""
    with contextlib.suppress(KeyError):
        if not pwd.getpwnam(app.user).pw_gecos.startswith(GECOS):
            return "this machine has a user of that name"
    if any((folder / app.template.name).exists() for folder in SYSTEM_UNITS):
        return f"the system has a unit {app.template.name}"
    if app.template.exists() and OURS not in app.template.read_bytes():
        return f"this machine has a unit {app.template} of its own"
    return ""


def is_ours(app: App) -> bool:
    """Whether Launchpad made the app's user."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(app.user).pw_gecos.startswith(GECOS)
    return False


def remove_user(app: App) -> None:
    """Remove the app's user and its group; nothing happens if Launchpad did not make it.

    Raises:
        Failure: It cannot be removed, as a process of it still runs.
    """
    if is_ours(app):
        users.remove(app.user)


def add_proxy_user() -> bool:
    """Have the proxy's user there. Says whether it was added."""
    return users.add(PROXY_USER, str(PROXY_STATE), "Launchpad proxy", disk_ids.wanted(PROXY_USER))


def remove_proxy_user() -> None:
    """Remove the proxy's user; nothing happens if there is none.

    Raises:
        Failure: It cannot be removed, as a process of it still runs.
    """
    with contextlib.suppress(KeyError):
        pwd.getpwnam(PROXY_USER)
        users.remove(PROXY_USER)


def add_backup_user() -> bool:
    """Have the user there that backups are unpacked as. Says whether it was added."""
    return users.add(BACKUP_USER, str(BACKUP_CACHE), "Launchpad backup")


def remove_backup_user() -> None:
    """Remove that user; nothing happens if there is none.

    Raises:
        Failure: It cannot be removed, as a process of it still runs.
    """
    if users.is_there(BACKUP_USER):
        users.remove(BACKUP_USER)


def _foreign_in(home: Path) -> list[str]:
    """What is in an app's home although no app has it there."""
    found = {path.name for path in home.iterdir() if MOVED not in path.name} if home.is_dir() else set()
    return sorted(found - HOME)


def add_user(app: App) -> bool:
    """Have the app's user there. Says whether it was added."""
    return users.add(app.user, str(app.data), f"{GECOS} {app.name}", disk_ids.wanted(app.user))
