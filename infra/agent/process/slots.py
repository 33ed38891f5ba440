"""Which slot is serving: a file that the proxy reads on every request.

``serving/up`` exists once any release serves; ``serving/green`` exists while green does, otherwise blue does. So a
switch creates or removes one file: atomic, kept across reboots, and without a reload of the proxy (which would close
idle connections that clients are about to use).
"""

from __future__ import annotations

import os

from infra.agent.system import files, instances, manifest
from infra.agent.system.layout import App

SLOTS = instances.SLOTS


def serving(app: App) -> str | None:
    """The slot that gets the requests; None before the first release."""
    if (app.serving / "green").exists():
        return "green"
    return "blue" if (app.serving / "up").exists() else None


def other(slot: str | None) -> str:
    """The slot for the next release."""
    return "green" if slot == "blue" else "blue"


def switch(app: App, slot: str) -> None:
    """Send every new request to a slot from now on."""
    files.directory(app.serving, 0o755)
    _note(app, slot)
    green = app.serving / "green"
    if slot == "green":
        green.touch()
    else:
        # Without "up" no slot would serve: have blue serve before green stops.
        (app.serving / "up").touch()
        green.unlink(missing_ok=True)
    (app.serving / "up").touch()
    handle = os.open(app.serving, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def suspend(app: App) -> None:
    """Have the proxy answer 503 until ``resume``, whichever slot serves; a reboot resumes, too."""
    files.directory(app.suspended.parent, 0o755)
    app.suspended.touch()


def resume(app: App) -> None:
    """Let the slot that serves have the requests again."""
    app.suspended.unlink(missing_ok=True)


def suspended(app: App) -> bool:
    """Whether the proxy answers 503 although a slot serves."""
    return app.suspended.exists()


def close(app: App) -> None:
    """Let no slot serve: the proxy answers 503 until the next switch."""
    _note(app, None)
    (app.serving / "up").unlink(missing_ok=True)
    (app.serving / "green").unlink(missing_ok=True)


def _note(app: App, slot: str | None) -> None:
    """Note down in the manifest which files say that a slot serves."""
    for name, there in (("up", slot is not None), ("green", slot == "green")):
        path = app.serving / name
        if there:
            manifest.note_file(path, "", 0o644, (0, 0))
        else:
            manifest.note(path, manifest.Entry(manifest.ABSENT))
