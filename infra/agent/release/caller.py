"""Who called us, as far as the machine can tell."""

from __future__ import annotations

import os
import re
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from infra.agent.system import caller_address, files
from infra.agent.system.layout import App
from infra.common.printable import one_line

FRESH = 600.0
"""Seconds within which a deployment follows its push."""
KEEP = 30 * 86400.0
"""Seconds after which nobody asks any more who pushed a commit."""
LONGEST_NAME = 100
"""Characters of a name that are kept."""
REVISION = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Note:
    """Who pushed a commit: when (in seconds since the epoch), from which address, and whether it was deployed since."""

    who: str
    when: float
    address: str
    deployed: bool = False

    def is_certain(self, address: str) -> bool:
        """Whether a deployment from an address surely is the pusher's: the first one, soon after the push."""
        return 0 <= time.time() - self.when < FRESH and not self.deployed and self.address == address


def note_pusher(app: App, name: str, revision: str) -> None:
    """Remember who pushes a commit, and from where: the deployment that follows, over another connection, is theirs."""
    for path in _notes(app).glob("*.json"):
        if time.time() - path.stat().st_mtime > KEEP:
            path.unlink(missing_ok=True)
    if REVISION.fullmatch(revision):
        files.directory(_notes(app), 0o700)
        _write(app, revision, Note(one_line(name, LONGEST_NAME), time.time(), caller_address.client()))


def who(app: App, revision: str) -> str:
    """Who deploys a commit: its pusher if that is certain, otherwise the account that used sudo, and from where.

    The first deployment after the push, from the same address, certainly is the pusher's. Any other may be somebody
    else's and is recorded by what is known: ``deploy from 192.0.2.7, pushed by ada@laptop``.
    """
    note, address = _read(app, revision), caller_address.client()
    if note:
        _write(app, revision, replace(note, deployed=True))
        if note.is_certain(address):
            return note.who
    account = os.environ.get("SUDO_USER") or os.environ.get("USER") or "root"
    return f"{account}{f' from {address}' if address else ''}{f', pushed by {note.who}' if note else ''}"


def _read(app: App, revision: str) -> Note | None:
    """Who pushed a commit; None if nobody did, or the note is damaged."""
    try:
        return Note(**(files.read_json(_path(app, revision)) or {}))
    except TypeError:
        return None


def _write(app: App, revision: str, note: Note) -> None:
    files.write_json(_path(app, revision), asdict(note))


def _notes(app: App) -> Path:
    return app.state / "pushed"


def _path(app: App, revision: str) -> Path:
    return _notes(app) / f"{revision}.json"
