"""The systemd unit of an app's processes, as text."""

from __future__ import annotations

from .layout import LAUNCHER, STOPPER, App

HARDENING = """\
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
LockPersonality=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@obsolete
SystemCallErrorNumber=EPERM
UMask=0027"""
"""What every process of an app is kept from, builds and hooks included. Not in it, on purpose: MemoryDenyWriteExecute
(breaks cffi callbacks and every JIT compiler), ProcSubset=pid (psutil and prometheus_client read more of /proc) and
PrivateNetwork (an app calls other services)."""


def template(app: App, stop_timeout: float) -> str:
    """The template unit of all processes of an app: the slots of ``web`` (blue, green) and each other Procfile process.

    ``stop_timeout`` is in seconds: how long a process may take to stop after SIGTERM.
    """
    return f"""\
# Written by launchpad-host; changes are overwritten by the next deployment.
[Unit]
Description={app.name} (%i)
After=network.target
StartLimitIntervalSec=0

[Service]
Type=exec
User={app.user}
Group={app.user}
LoadCredential=launch:{app.launches}/%i.json
ExecStart=/usr/bin/python3 -IS {LAUNCHER}
ExecStop=/usr/bin/python3 -IS {STOPPER}
Restart=always
RestartSec=1
KillMode=mixed
TimeoutStopSec={stop_timeout:g}
SyslogIdentifier={app.name}-%i
ProtectSystem=strict
ReadWritePaths={app.data}
{HARDENING}

[Install]
WantedBy=multi-user.target
"""


def task_properties(app: App, writable: tuple[str, ...], limit: float) -> list[str]:
    """The properties of a transient unit for a build, a hook or the ``release:`` process; ``limit`` is in seconds."""
    return [
        f"User={app.user}",
        f"Group={app.user}",
        f"LoadCredential=launch:{app.task_launch}",
        f"RuntimeMaxSec={limit:g}",
        "KillMode=control-group",
        "ProtectSystem=strict",
        *(f"ReadWritePaths={path}" for path in writable),
        *HARDENING.splitlines(),
    ]
