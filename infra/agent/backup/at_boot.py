"""Ends a restore that a power failure interrupted: a unit of systemd that is there as long as the restore.

Until then nothing of the app starts (see ``whole_data`` in process/units.py): its files may be of the backup already,
and its database not yet.
"""

from __future__ import annotations

import os
from pathlib import Path

from infra.agent.services.postgres_files import UNIT as DATABASE
from infra.agent.system import files, systemd
from infra.agent.system.layout import COMMAND, UNITS, App

WHO = "the-start-of-the-machine"


def unit(app: App) -> Path:
    """The unit's file; with a dot, it is no other app's."""
    return UNITS / f"launchpad-{app.name}.restore.service"


def text(app: App) -> str:
    """The unit's text. Where it fails it is tried again, and backups try it, too.

    Args:
        app: The app.
    """
    return f"""\
# Written by launchpad-agent backup restore, and there as long as that.
[Unit]
Description=The end of a restore of {app.name} that was interrupted
ConditionPathExists={app.restore}
RequiresMountsFor={app.data}
After={DATABASE}
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={COMMAND} backup mend --app {app.name} --who {WHO}
Restart=on-failure
RestartSec=30
SyslogIdentifier=launchpad-backup

[Install]
WantedBy=multi-user.target
"""


def begin(app: App) -> None:
    """Have the machine end the restore after its next start."""
    file = unit(app)
    files.write(file, text(app))
    systemd.enable(file.name, file, systemd.WANTS)
    for folder in (UNITS, systemd.WANTS, app.restore.parent):
        _write_out(folder)


def end(app: App) -> None:
    """Nothing is left to do."""
    file = unit(app)
    if file.exists():
        systemd.disable(file.name, systemd.WANTS)
        files.remove_tree(file)


def _write_out(folder: Path) -> None:
    """Have the names in a folder on the disk: what follows may be on another disk, and must not come before."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
