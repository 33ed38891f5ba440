"""The systemd unit of an app's processes, as text."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from . import files
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


METADATA = (
    "169.254.169.254/32",
    "fd00:ec2::254/128",
    "169.254.170.2/32",
    "169.254.170.23/32",
    "fd00:ec2::23/128",
    "fd20:ce::254/128",
    "fd00:c1::a9fe:a9fe/128",
    "100.100.100.200/32",
    "168.63.129.16/32",
)
"""Where clouds hand the machine's own credentials and settings to whoever asks from the machine.

In this order: nearly all clouds; EC2 over IPv6; AWS's containers (ECS; EKS over IPv4 and IPv6); Google and Oracle over
IPv6; Alibaba; Azure's agent. Sources: the clouds' own documentation of their instance metadata.
"""

FINGERPRINT = hashlib.sha256("\0".join((HARDENING, *METADATA)).encode()).hexdigest()[:12]
"""Tells what an app is kept from; another one starts its processes anew, or they would go on in the old sandbox."""

BACKGROUND = """\
CPUWeight=20
IOWeight=20
Nice=15
CPUSchedulingPolicy=batch
IOSchedulingClass=idle
MemoryHigh=60%
MemoryMax=75%
TasksMax=4096
LimitNPROC=4096
OOMScoreAdjust=500
TimeoutStopSec=5"""
"""Keeps builds, hooks and ``release:`` from slowing down what serves, or from taking its memory.

The weights and ceilings need cgroup controllers, which the embedded machine has only where its host hands them on;
nice, the scheduling classes, the OOM score and the limit of processes of the app's user (LimitNPROC, against a fork
bomb) work everywhere. A build may take three quarters of the machine's memory:
above, it is killed, and not the app."""


def metadata(resolv_conf: str) -> list[str]:
    """The addresses that apps and builds cannot reach: the metadata services, but for one that is the name server."""
    words = [line.split() for line in resolv_conf.splitlines()]
    servers = {word[1] for word in words if len(word) > 1 and word[0] == "nameserver"}
    return [address for address in METADATA if address.split("/")[0] not in servers]


def closed(app: App) -> list[str]:
    """The lines of a unit that close the metadata services; none where the app may use them."""
    if app.metadata_access.exists():
        return []
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return [f"IPAddressDeny={' '.join(metadata(Path('/etc/resolv.conf').read_text()))}"]
    return [f"IPAddressDeny={' '.join(METADATA)}"]


def permit_metadata(app: App, allowed: bool) -> None:
    """Note down whether the app may use the cloud's metadata service."""
    if allowed:
        files.write(app.metadata_access, "launchpad:metadata_access is true\n")
    else:
        app.metadata_access.unlink(missing_ok=True)


def template(app: App, stop_timeout: float) -> str:
    """The template unit of all processes of an app: the slots of ``web`` (blue, green) and each other Procfile process.

    ``stop_timeout`` is in seconds: how long a process may take to stop after SIGTERM.
    """
    network = "".join(f"{line}\n" for line in closed(app))
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
{network}
[Install]
WantedBy=multi-user.target
"""


def task_properties(app: App, writable: tuple[str, ...], limit: float) -> list[str]:
    """The properties of a transient unit for a build, a hook or the ``release:`` process; ``limit`` is in seconds."""
    return [*sandbox(app, writable, limit), f"LoadCredential=launch:{app.task_launch}"]


def spare_core(cores: set[int]) -> list[str]:
    """The property that keeps a build off one of the processor's cores, where there are several.

    However low its priority, a running build has to be interrupted first, for each step of each request.
    """
    return [f"CPUAffinity={' '.join(map(str, sorted(cores)[1:]))}"] if len(cores) > 1 else []


def sandbox(app: App, writable: tuple[str, ...], limit: float) -> list[str]:
    """The properties of a transient unit that runs as the app's user and can write nowhere else."""
    return [
        f"User={app.user}",
        f"Group={app.user}",
        f"RuntimeMaxSec={limit:g}",
        "KillMode=control-group",
        "ProtectSystem=strict",
        *(f"ReadWritePaths={path}" for path in writable),
        *HARDENING.splitlines(),
        *closed(app),
        *BACKGROUND.splitlines(),
    ]
