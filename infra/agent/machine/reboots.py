"""Restarts the machine in a window of time if an update requires it, and only then."""

from __future__ import annotations

import time
from pathlib import Path

from infra.agent.machine.report import Report
from infra.agent.machine.wanted import Wanted
from infra.agent.system import files, say, sh, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.layout import COMMAND, UNITS

REQUIRED = Path("/run/reboot-required")
"""Written by unattended-upgrades' hook of kernel packages on Debian, and by many packages on Ubuntu; gone at boot."""
PACKAGES = Path("/run/reboot-required.pkgs")
TIMER = UNITS / "launchpad-reboot.timer"
SERVICE = UNITS / "launchpad-reboot.service"
PROXY = "launchpad-proxy.service"
WAIT = 3600.0
"""Seconds to wait for deployments that are under way."""
HEAD = "# Written by launchpad-agent settings; changes are overwritten by the next launchpad up.\n"
SERVICE_TEXT = f"""\
{HEAD}[Unit]
Description=Restart this machine if an update requires it (launchpad:reboot_window)

[Service]
Type=oneshot
ExecStart={COMMAND} reboot
"""


def timer(window: str) -> str:
    """The timer; one that was missed is not made up for, as that would be outside of the window.

    Args:
        window: A time such as ``04:00`` or ``Sun 04:00``.
    """
    day, _, clock = window.rpartition(" ")
    when = f"{day} *-*-* {clock}:00".strip()
    return (
        f"{HEAD}[Unit]\nDescription=Launchpad's window for restarts\n\n"
        f"[Timer]\nOnCalendar={when}\nAccuracySec=1min\nPersistent=no\n\n[Install]\nWantedBy=timers.target\n"
    )


def apply(wanted: Wanted, report: Report) -> None:
    """Have the window as wanted; empty: none."""
    if not wanted.reboot:
        if TIMER.exists() or SERVICE.exists():
            sh.run(["systemctl", "disable", "--quiet", "--now", TIMER.name])
            files.remove_tree(TIMER)
            files.remove_tree(SERVICE)
            systemd.reload()
            sh.run(["systemctl", "reset-failed", TIMER.name, SERVICE.name])
            report.did("reboot", "never by itself")
        return
    changed = [files.write(SERVICE, SERVICE_TEXT), files.write(TIMER, timer(wanted.reboot))]
    if any(changed) or not systemd.active_as_written(TIMER.name):
        systemd.reload()
        sh.run(["systemctl", "enable", "--quiet", TIMER.name], doing="Enabling the window for restarts")
        sh.run(["systemctl", "restart", TIMER.name], doing="Starting the window for restarts")
        report.did("reboot", f"if an update requires it, {wanted.reboot}")


def since() -> float | None:
    """Since when a restart is required, in seconds since the epoch; None if none is."""
    try:
        return REQUIRED.stat().st_mtime
    except OSError:
        return None


def packages() -> list[str]:
    """The packages that require it, as far as they say so."""
    try:
        return sorted(set(PACKAGES.read_text(encoding="utf-8", errors="replace").split()))
    except OSError:
        return []


def restart() -> None:
    """Restart the machine. Visitors' requests are finished first: the proxy stops before the app does.

    Only for who holds the machine alone.

    Raises:
        Failure: systemd does not restart it. The proxy serves on.
    """
    say.step("reboot", f"restarting the machine, as {', '.join(packages()) or 'an update'} requires it")
    began = time.monotonic()
    sh.run(["systemctl", "stop", PROXY])
    say.step("reboot", f"the proxy has finished its requests after {time.monotonic() - began:.1f} s")
    finished = sh.run(["systemctl", "reboot"])
    if not finished.ok:
        sh.run(["systemctl", "start", PROXY])
        raise Failure(f"The machine does not restart: {finished.last_lines()}")
