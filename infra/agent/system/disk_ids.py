"""Whose the files on the disk for data are: user and group ids by name, which a new machine gives to its users, too."""

from __future__ import annotations

import contextlib
import grp
import pwd
import uuid
from collections.abc import Iterable
from pathlib import Path

from infra.agent.system import files, owned, say
from infra.protocol import paths

FILE = Path(paths.DATA_DISK) / "ids.json"
"""On the disk: its own id (``id``), and ``users``, the ids of a user and its group by the user's name."""
Ids = tuple[int, int]


def identity() -> str:
    """The disk's own id, by which it is known again; empty if it has none, or no disk is there."""
    return str((files.read_json(FILE) or {}).get("id") or "")


def begin() -> str:
    """Give a disk an id, unless it has one; returns it."""
    if not (found := identity()):
        found = uuid.uuid4().hex
        files.write_json(FILE, {"id": found, "users": {}})
    return found


def noted(name: str) -> Ids | None:
    """The ids that a user's files on the disk have; None if it has none."""
    users = (files.read_json(FILE) or {}).get("users")
    found = users.get(name) if isinstance(users, dict) else None
    if isinstance(found, list) and len(found) == 2 and all(isinstance(each, int) and each > 0 for each in found):
        return found[0], found[1]
    return None


def wanted(name: str) -> Ids | None:
    """The ids that a new user shall have, as its files on the disk have them; None if it may have any."""
    ids = noted(name)
    return ids if ids and _is_free(ids) else None


def _is_free(ids: Ids) -> bool:
    with contextlib.suppress(KeyError):
        pwd.getpwuid(ids[0])
        return False
    with contextlib.suppress(KeyError):
        grp.getgrgid(ids[1])
        return False
    return True


def settle(name: str, directories: Iterable[Path]) -> None:
    """Have a user's directories on the disk belong to the user that this machine has, and note its ids.

    Args:
        name: The user's name; on this machine it is there.
        directories: The directories, which only root can replace; one that is missing is passed over.

    Raises:
        Failure: They cannot be given to it.
    """
    user, before = pwd.getpwnam(name), noted(name)
    ids = (user.pw_uid, user.pw_gid)
    if not identity() or before == ids:
        return
    if before:
        say.step(
            "data", f"giving the files of {name} on the disk for data to its ids on this machine, {ids[0]}:{ids[1]}"
        )
        owned.give(directories, before, ids)
    _note({name: list(ids)})


def forget(name: str) -> None:
    """Forget a user, of whom nothing is on the disk any more."""
    if identity():
        _note({}, gone=name)


def _note(more: dict[str, list[int]], gone: str = "") -> None:
    value = files.read_json(FILE) or {}
    users = value.get("users")
    known = {name: ids for name, ids in (users if isinstance(users, dict) else {}).items() if name != gone}
    files.write_json(FILE, {**value, "users": {**known, **more}})
