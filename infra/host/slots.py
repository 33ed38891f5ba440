"""Which slot serves: a fact on disk that the proxy reads on every request.

``serving/up`` exists once any release serves; ``serving/green`` exists while green does, otherwise blue does. A switch
is thus one file created or removed: atomic, kept over reboots, and without a reload of the proxy (which would close
idle connections under clients that are about to use them).
"""

from __future__ import annotations

import os

from . import files, layout
from .layout import App

SLOTS = layout.SLOTS


def serving(app: App) -> str | None:
    """The slot that requests go to; None before the first release."""
    if (app.serving / "green").exists():
        return "green"
    return "blue" if (app.serving / "up").exists() else None


def other(slot: str | None) -> str:
    """The slot for the next release."""
    return "green" if slot == "blue" else "blue"


def switch(app: App, slot: str) -> None:
    """Send every new request to a slot from now on."""
    files.directory(app.serving, 0o755)
    green = app.serving / "green"
    if slot == "green":
        green.touch()
    else:
        # Without "up" there is no slot to switch from: make blue the answer before green stops being it.
        (app.serving / "up").touch()
        green.unlink(missing_ok=True)
    (app.serving / "up").touch()
    handle = os.open(app.serving, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def close(app: App) -> None:
    """Let no slot serve: the proxy answers 503 until a release serves again."""
    (app.serving / "up").unlink(missing_ok=True)
    (app.serving / "green").unlink(missing_ok=True)
