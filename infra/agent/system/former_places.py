"""Where earlier versions kept what is in an app's ``kept`` now: it is moved there once."""

from __future__ import annotations

from pathlib import Path

from infra.agent.system import files, manifest
from infra.agent.system.layout import SETTINGS, App


def former(app: App) -> dict[Path, Path]:
    """The former places, each with the present one."""
    records = (app.history, app.run_history, app.maintenance_history)
    moved = {app.state / path.name: path for path in records}
    return {**moved, SETTINGS / app.name / app.generated.name: app.generated}


def mend(app: App) -> bool:
    """Move what is in a former place, before a disk is mounted at the present one. Says whether anything was moved."""
    found = {old: new for old, new in former(app).items() if old.is_file() and not new.exists()}
    if found:
        files.directory(app.kept, 0o700)
    for old, new in found.items():
        old.rename(new)
        manifest.forget(old)
    return bool(found)
