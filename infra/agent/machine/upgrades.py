"""Has security updates installed every day, by Debian's unattended-upgrades, and sees that they will be."""

from __future__ import annotations

import re
from pathlib import Path

from infra.agent.machine import record
from infra.agent.machine.report import Report
from infra.agent.machine.wanted import Wanted
from infra.agent.system import files, packages, sh
from infra.agent.system.failure import Failure

PACKAGE = "unattended-upgrades"
TIMERS = ("apt-daily.timer", "apt-daily-upgrade.timer")
"""They update the package lists, and install from them."""
DROPIN = Path("/etc/apt/apt.conf.d/90launchpad")
"""It sorts after the package's own 20auto-upgrades and 50unattended-upgrades, because apt takes the last value."""
TEXT = """\
// Written by launchpad-agent settings; changes are overwritten by the next launchpad up.
APT::Periodic::Enable "1";
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
// Launchpad restarts the machine, in the window of launchpad:reboot_window.
Unattended-Upgrade::Automatic-Reboot "false";
"""
PERIODIC = ("APT::Periodic::Enable", "APT::Periodic::Update-Package-Lists", "APT::Periodic::Unattended-Upgrade")
SECURITY = re.compile(r"Debian-Security|-security\b", re.IGNORECASE)
"""What is in the name of an archive of security updates: ``label=Debian-Security``, ``${distro_codename}-security``."""
FORMER = "timer "
SOURCES = Path("/etc/apt/sources.list")
"""unattended-upgrade makes an empty one where there is none."""
NO_SOURCES = "no sources.list"


def apply(wanted: Wanted, report: Report) -> None:
    """Have security updates installed every day; otherwise have apt's timers as they were before.

    Raises:
        Failure: They are set up, but would not be installed, and why.
    """
    if not wanted.updates:
        if files.take_away(DROPIN):
            _as_before()
            report.did("updates", "as this machine has them")
        return
    if not SOURCES.exists():
        record.before(NO_SOURCES, "yes")
    changed = packages.install([PACKAGE])
    changed = files.write(DROPIN, TEXT) or changed
    for timer in TIMERS:
        enabled, active = _state(timer)
        if (enabled, active) != ("enabled", "active"):
            record.before(f"{FORMER}{timer}", f"{enabled} {active}")
            sh.run(["systemctl", "enable", "--quiet", "--now", timer], doing=f"Enabling {timer}")
            changed = True
    _verify(report)
    if changed:
        report.did("updates", "security updates are installed every day")


def _state(timer: str) -> tuple[str, str]:
    """Whether a timer starts at boot, and whether it runs."""
    return (
        sh.run(["systemctl", "is-enabled", timer]).out.strip(),
        sh.run(["systemctl", "is-active", timer]).out.strip(),
    )


def _as_before() -> None:
    for name, state in record.taken(FORMER).items():
        enabled, _, active = state.partition(" ")
        timer = name.removeprefix(FORMER)
        if enabled != "enabled":
            sh.run(["systemctl", "disable", "--quiet", timer])
        if active != "active":
            sh.run(["systemctl", "stop", timer])
    if record.taken(NO_SOURCES) and SOURCES.exists() and not SOURCES.read_bytes():
        SOURCES.unlink()
    record.forget(FORMER)
    record.forget(NO_SOURCES)


def _verify(report: Report) -> None:
    """Look whether updates will really come.

    Raises:
        Failure: apt or a timer is set otherwise.
    """
    for timer in TIMERS:
        if _state(timer) != ("enabled", "active"):
            raise Failure(f"{timer} is {' and '.join(_state(timer))} although it was just enabled: is it masked?")
    if problem := wrong_settings(sh.run(["apt-config", "dump"], doing="Reading apt's settings").out):
        raise Failure(problem)
    argv = ["apt-get", "indextargets", "--no-release-info", "--format", "$(RELEASE) $(SITE)"]
    if not SECURITY.search(sh.run(argv, doing="Reading apt's sources").out):
        report.warn(
            "No package source of this machine has security updates: add Debian's or Ubuntu's security archive "
            "(such as trixie-security) to /etc/apt/sources.list.d."
        )


def wrong_settings(dumped: str) -> str:
    """Why apt would install no security updates by its settings; empty if it will.

    Args:
        dumped: What ``apt-config dump`` prints: a line such as ``APT::Periodic::Enable "1";`` for each setting.
    """
    pairs = [line.rstrip(";").split(" ", 1) for line in dumped.splitlines() if " " in line]
    values = {name: value.strip('"') for name, value in pairs}
    for name in PERIODIC:
        if values.get(name, "0") == "0":
            found = values.get(name, "unset")
            return f"apt has {name} {found} although {DROPIN} sets it: a file that sorts after it wins."
    origins = [
        value for name, value in pairs if re.match(r"Unattended-Upgrade::(Origins-Pattern|Allowed-Origins)::", name)
    ]
    if not any(SECURITY.search(origin) for origin in origins):
        return (
            "unattended-upgrades takes no security updates: no line of Unattended-Upgrade::Origins-Pattern (Ubuntu: "
            "Allowed-Origins) names them. Put back its /etc/apt/apt.conf.d/50unattended-upgrades."
        )
    return ""
