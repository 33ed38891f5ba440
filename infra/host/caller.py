"""Who called us, as far as the machine can tell."""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path
from typing import Any

from . import files
from .layout import App
from .printable import one_line

FRESH = 600.0
"""Seconds within which a deployment follows its push."""
KEEP = 30 * 86400.0
"""Seconds after which it is of no interest any more who pushed a commit."""
REVISION = re.compile(r"[0-9a-f]{40}")


def note_pusher(app: App, name: str, revision: str) -> None:
    """Remember who pushes a commit, and from where: the deployment that follows over another connection is theirs."""
    for path in _notes(app).glob("*.json"):
        if time.time() - path.stat().st_mtime > KEEP:
            path.unlink(missing_ok=True)
    if REVISION.fullmatch(revision):
        files.directory(_notes(app), 0o700)
        note = {"who": one_line(name, 100), "when": time.time(), "from": _ssh_client(), "deployed": False}
        files.write_json(_note(app, revision), note)


def who(app: App, revision: str) -> str:
    """Who deploys a commit: its pusher, where that is certain; else the account that used sudo, and from where.

    Certain is the first deployment after the push, from the same address. Any other may be somebody else's, so that it
    says what is known: ``deploy from 192.0.2.7, pushed by ada@laptop``.
    """
    note: dict[str, Any] = files.read_json(_note(app, revision)) or {}
    pusher = str(note.get("who", ""))
    address = _ssh_client()
    fresh = 0 <= time.time() - float(note.get("when", 0)) < FRESH
    if pusher:
        files.write_json(_note(app, revision), {**note, "deployed": True})
        if fresh and not note.get("deployed") and note.get("from") == address:
            return pusher
    account = os.environ.get("SUDO_USER") or os.environ.get("USER") or "root"
    return f"{account}{f' from {address}' if address else ''}{f', pushed by {pusher}' if pusher else ''}"


def _notes(app: App) -> Path:
    return app.state / "pushed"


def _note(app: App, revision: str) -> Path:
    return _notes(app) / f"{revision}.json"


def _ssh_client() -> str:
    """The address in the environment of sudo's caller; sudo itself does not pass it on."""
    pid = os.getppid()
    while pid > 1:
        with contextlib.suppress(OSError):
            for entry in Path("/proc", str(pid), "environ").read_bytes().split(b"\0"):
                if entry.startswith(b"SSH_CLIENT="):
                    return entry.removeprefix(b"SSH_CLIENT=").split()[0].decode(errors="replace")
        try:
            pid = int(Path("/proc", str(pid), "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, ValueError, IndexError):
            break
    return ""
