"""The systemd units of a stack's backups, as text. Pure."""

from __future__ import annotations

from infra.agent.backup.records import Places
from infra.agent.process import calendars
from infra.agent.services.postgres_place import OWN_DISK
from infra.agent.system.hardening import KERNEL
from infra.agent.system.layout import BACKUP_CACHE, BACKUP_STATE, COMMAND, RUN, STATE
from infra.protocol import backups, paths, schedules
from infra.protocol.backups import BackupSpec

HEAD = "# Written by launchpad-agent backup; changes are overwritten by the next launchpad up.\n"
LONGEST = 48
"""Hours that each app may take: no step of its own takes longer than a quarter of that, but for the repository's."""
BACKUP, DRILL = "run", "drill-all"
"""The agent's words for both."""
WEEKLY = "OnCalendar=weekly\nRandomizedDelaySec=6h"
"""When the newest backups are proved again, and the repository is checked."""


def service(spec: BackupSpec, places: Places, verb: str) -> str:
    """The unit that backs up, or drills: it yields to everything else, and can write what it has to and nothing more.

    It keeps a few rights of root's: it makes folders for the apps' users, and starts the programs that run as them.
    """
    folder = f" -{spec.repository}" if backups.is_folder(spec.repository) else ""
    network = "PrivateNetwork=yes\n" if folder else ""
    what = "backup" if verb == BACKUP else "drill of the backups"
    return f"""\
{HEAD}[Unit]
Description=Launchpad's {what} of the data of {spec.owner}
After=network-online.target
Wants=network-online.target
RequiresMountsFor={BACKUP_STATE}

[Service]
Type=oneshot
ExecStart={COMMAND} backup {verb} --owner {places.owner}
SyslogIdentifier=launchpad-backup
TimeoutStartSec={LONGEST * len(spec.apps)}h
TimeoutStopSec=60
Nice=15
CPUSchedulingPolicy=batch
IOSchedulingClass=idle
CPUWeight=20
IOWeight=20
OOMScoreAdjust=500
{network}NoNewPrivileges=yes
CapabilityBoundingSet=CAP_CHOWN CAP_FOWNER CAP_DAC_OVERRIDE CAP_KILL CAP_SETUID CAP_SETGID CAP_SETPCAP
ProtectSystem=strict
ReadWritePaths={STATE} {paths.HOMES} -{paths.DATA_DISK} -{OWN_DISK} -{RUN} {BACKUP_CACHE}{folder}
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
{KERNEL}SystemCallArchitectures=native
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
UMask=0077
"""


def timer(spec: BackupSpec) -> str:
    """The timer of the backups: a time that was missed is made up for."""
    times = "".join(f"OnCalendar={each}\n" for each in calendars.calendars(schedules.parse(spec.schedule)))
    return _timer(f"backup of the data of {spec.owner} ({spec.schedule})", times)


def drill_timer(spec: BackupSpec) -> str:
    """The timer of the weekly drill."""
    return _timer(f"weekly drill of the backups of {spec.owner}", f"{WEEKLY}\n")


def _timer(what: str, times: str) -> str:
    return f"""\
{HEAD}[Unit]
Description=Launchpad's {what}

[Timer]
{times}AccuracySec=1min
Persistent=yes

[Install]
WantedBy=timers.target
"""
