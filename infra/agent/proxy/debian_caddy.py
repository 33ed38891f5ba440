"""Keeps the service in Debian's package of Caddy from starting: the program is needed, not its welcome page."""

from __future__ import annotations

from pathlib import Path

from infra.agent.system import files, packages, sh, systemd
from infra.agent.system.layout import STATE, UNITS

UNIT = "caddy.service"
MASK = Path("/run/systemd/system") / UNIT
"""Has systemd not start the unit, until the next boot."""
MARK = STATE / "caddy-package"
"""Exists while the package is being installed, so that a killed ``prepare`` is made up for."""


def before_installation() -> None:
    """Have the service not start when the package is installed. One that somebody made is left alone."""
    if (UNITS / UNIT).exists() or not packages.missing(["caddy"]):
        return
    files.write(MARK, "Launchpad installs the package caddy.\n")
    MASK.parent.mkdir(parents=True, exist_ok=True)
    if not MASK.is_symlink():
        MASK.symlink_to("/dev/null")
    systemd.reload()


def after_installation() -> None:
    """Have the service not start at boot either; it is Debian's again, for whoever wants to use it."""
    if not MARK.exists():
        return
    sh.run(["systemctl", "disable", "--quiet", "--now", UNIT])
    MASK.unlink(missing_ok=True)
    systemd.reload()
    MARK.unlink()
