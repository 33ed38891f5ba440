"""Who called us, as far as the machine can tell."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from . import files
from .layout import App

FRESH = 600.0
"""Seconds for which the last pusher counts as the one who deploys."""


def note_pusher(app: App, name: str) -> None:
    """Remember who pushed: the deployment that follows over another connection is theirs."""
    clean = "".join(letter for letter in name if letter.isprintable())[:100]
    files.write_json(app.state / "pusher.json", {"who": clean, "when": time.time()})


def who(app: App) -> str:
    """Who pushed just now; else the account that used sudo and where from: ``deploy from 192.0.2.7``."""
    pusher = files.read_json(app.state / "pusher.json") or {}
    if time.time() - float(pusher.get("when", 0)) < FRESH:
        return str(pusher.get("who", ""))
    account = os.environ.get("SUDO_USER") or os.environ.get("USER") or "root"
    address = _ssh_client()
    return f"{account} from {address}" if address else account


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
