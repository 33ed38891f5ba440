"""What this machine has to be for Launchpad: Debian or Ubuntu, booted with systemd."""

from __future__ import annotations

import sys
from pathlib import Path

from infra.agent.system.failure import Failure

OLDEST = (3, 10)
"""The oldest Python that runs this program, that of Ubuntu 22.04."""
TOO_OLD = "This machine has Python {}.{}; Launchpad needs {}.{} or newer, as Debian 12 and Ubuntu 22.04 have it."
SUPPORTED = frozenset({"debian", "ubuntu"})
OS_RELEASE = Path("/etc/os-release")
BOOTED = Path("/run/systemd/system")
"""There if systemd has booted the machine. Source: sd_booted(3)."""


def check() -> None:
    """Refuse a machine that nothing here fits.

    Raises:
        Failure: Says what it runs, that its Python is too old, or that it has no systemd.
    """
    if reason := unsupported(OS_RELEASE.read_text() if OS_RELEASE.exists() else ""):
        raise Failure(reason)
    if reason := too_old(sys.version_info[:2]):
        raise Failure(reason)
    if not BOOTED.is_dir():
        raise Failure("This machine was not booted with systemd, which runs the app.")


def too_old(version: tuple[int, int]) -> str:
    """Why the machine's Python does not run this program; empty if it does.

    Args:
        version: Its version, such as (3, 10).
    """
    if version >= OLDEST:
        return ""
    return TOO_OLD.format(*version, *OLDEST)


def unsupported(os_release: str) -> str:
    """Why a system is not supported; empty if it is.

    Args:
        os_release: What ``/etc/os-release`` says; empty if there is no such file.
    """
    fields = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    values = {name: value.strip("\"'") for name, value in fields.items()}
    if SUPPORTED & {values.get("ID", ""), *values.get("ID_LIKE", "").split()}:
        return ""
    return f"This machine runs {values.get('PRETTY_NAME', 'an unknown system')}; only Debian and Ubuntu are supported."
