"""The systemd units of an app's processes and tasks, as text."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from infra.agent.system import files
from infra.agent.system.hardening import KERNEL
from infra.agent.system.layout import LAUNCHER, STOPPER, App

HARDENING = f"""\
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
ProtectProc=invisible
{KERNEL}RemoveIPC=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@obsolete
SystemCallErrorNumber=EPERM
UMask=0027"""
"""The sandbox of every process of an app, builds and hooks included. Left out on purpose: MemoryDenyWriteExecute
(breaks cffi callbacks and every JIT compiler), ProcSubset=pid (psutil and prometheus_client read more of /proc),
PrivateUsers (one unit's processes could not see another's of the same app), the system calls of ``@resources`` (numpy
and others bind threads to processors) and ``@privileged`` (``cp -p`` and ``tar`` call chown), and PrivateNetwork (an
app calls other services)."""

OWN_TMP: tuple[str, ...] = ()
"""A build has a /tmp of its own (PrivateTmp), which is gone when it ends: what it runs is not the app's."""
TMP_MODE = 0o1770
TMP_AGE = "10d"
"""How long a file in the app's /tmp stays that nobody reads or changes; Debian's own value for /tmp."""


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
"""Where clouds give the machine's own credentials and settings to every process on it.

In this order: nearly all clouds; EC2 over IPv6; AWS's containers (ECS; EKS over IPv4 and IPv6); Google and Oracle over
IPv6; Alibaba; Azure's agent. Sources: the clouds' own documentation of their instance metadata.
"""

FINGERPRINT = hashlib.sha256("\0".join((HARDENING, "BindPaths=tmp", *METADATA)).encode()).hexdigest()[:12]
"""Identifies the sandbox. Another one restarts an app's processes, which would otherwise stay in the old sandbox."""

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
"""Keeps builds, hooks and ``release:`` from slowing down the serving release, or taking its memory.

The weights and ceilings need cgroup controllers, which the embedded machine has only if its host passes them on; nice,
the scheduling classes, the OOM score and the limit on processes of the app's user (LimitNPROC, against a fork bomb)
work everywhere. A build may take three quarters of the machine's memory: above that it is killed, and not the app."""


def metadata(resolv_conf: str) -> list[str]:
    """The addresses that apps and builds cannot reach: the metadata services, except for one that is the name server.

    Args:
        resolv_conf: What ``/etc/resolv.conf`` says.
    """
    fields = [line.split() for line in resolv_conf.splitlines()]
    servers = {field[1] for field in fields if len(field) > 1 and field[0] == "nameserver"}
    return [address for address in METADATA if address.split("/")[0] not in servers]


def closed(app: App) -> list[str]:
    """The lines of a unit that close the metadata services; none if the app may use them."""
    if app.metadata_access.exists():
        return []
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return [f"IPAddressDeny={' '.join(metadata(Path('/etc/resolv.conf').read_text()))}"]
    return [f"IPAddressDeny={' '.join(METADATA)}"]


def shared_tmp(app: App) -> tuple[str, ...]:
    """The lines of a unit that give it the app's own /tmp: all its processes see the same, nobody else does.

    They go before PrivateTmp, which would give each unit another one: of two mounts on one place systemd makes that of
    BindPaths. Source: ``MountMode`` in systemd's src/core/namespace.c, "ordered by priority".
    """
    return (f"BindPaths={app.tmp}:/tmp {app.tmp}:/var/tmp",)


def tmp_rule(app: App) -> str:
    """The rule by which systemd-tmpfiles(8) empties the app's /tmp at boot and removes what nobody used for long.

    It works as root among the app's own files, as it does in every /tmp: by directory handles, following no link.
    """
    return (
        "# Written by launchpad-agent prepare; changes are overwritten by the next one.\n"
        f"D {app.tmp} {TMP_MODE:o} root {app.user} {TMP_AGE}\n"
    )


def permit_metadata(app: App, allowed: bool) -> None:
    """Record whether the app may use the cloud's metadata service."""
    if allowed:
        files.write(app.metadata_access, "launchpad:metadata_access is true\n")
    else:
        files.remove_tree(app.metadata_access)


STOP_RESERVE = 10.0
"""Seconds after which systemd kills a unit whose processes the stop shim should have killed by then."""


def stopping(stop_timeout: float) -> str:
    """The lines of a unit that say how its processes stop, and how long that may take."""
    return (
        f"ExecStop=/usr/bin/python3 -IS {STOPPER} {stop_timeout:g}\n"
        f"KillMode=mixed\nTimeoutStopSec={stop_timeout + STOP_RESERVE:g}\n"
    )


def whole_data(app: App) -> str:
    """The lines of a unit's first section that let it start with all of the app's data, or none of a backup.

    After a power failure in a restore the files may be the backup's and the database not; that is put right first.
    """
    return f"ConditionPathExists=|!{app.restore}\nConditionPathExists=|{app.settling}\n"


def template(app: App, stop_timeout: float) -> str:
    """The template unit of all processes of an app: the slots of ``web`` (blue, green) and each other Procfile process.

    Args:
        app: The app.
        stop_timeout: Seconds that a process may take to stop after SIGTERM.
    """
    own = "".join(f"{line}\n" for line in (*shared_tmp(app), *closed(app)))
    return f"""\
# Written by launchpad-agent; changes are overwritten by the next deployment.
[Unit]
Description={app.name} (%i)
After=network.target {app.cache_unit} launchpad-postgresql.service
{whole_data(app)}StartLimitIntervalSec=0

[Service]
Type=exec
User={app.user}
Group={app.user}
LoadCredential=launch:{app.launches}/%i.json
ExecStart=/usr/bin/python3 -IS {LAUNCHER}
{stopping(stop_timeout)}Restart=always
RestartSec=1
SyslogIdentifier={app.name}-%i
ProtectSystem=strict
ReadWritePaths={app.data}
{HARDENING}
{own}
[Install]
WantedBy=multi-user.target
"""


def task_properties(app: App, writable: tuple[str, ...], limit: float, tmp: tuple[str, ...]) -> list[str]:
    """The properties of the transient unit of a build, a hook or the ``release:`` process.

    Args:
        app: The app.
        writable: The directories that it may write to.
        limit: Seconds that it may take.
        tmp: The lines about its /tmp (``OWN_TMP`` or ``shared_tmp``).
    """
    return [*sandbox(app, writable, limit, tmp), f"LoadCredential=launch:{app.task_launch}"]


def spare_core(cores: set[int]) -> list[str]:
    """The property that keeps a build off one of the processor's cores, if there are several.

    However low its priority, a running build has to be interrupted first, for each step of each request.

    Args:
        cores: The numbers of the cores that this program may use.
    """
    return [f"CPUAffinity={' '.join(map(str, sorted(cores)[1:]))}"] if len(cores) > 1 else []


def sandbox(app: App, writable: tuple[str, ...], limit: float, tmp: tuple[str, ...]) -> list[str]:
    """The properties of a transient unit that runs as the app's user and can write only to some directories.

    Args:
        app: The app.
        writable: Those directories.
        limit: Seconds that it may take.
        tmp: The lines about its /tmp (``OWN_TMP`` or ``shared_tmp``).
    """
    return [
        f"User={app.user}",
        f"Group={app.user}",
        f"RuntimeMaxSec={limit:g}",
        "KillMode=control-group",
        "ProtectSystem=strict",
        *(f"ReadWritePaths={path}" for path in writable),
        *HARDENING.splitlines(),
        *tmp,
        *closed(app),
        *BACKGROUND.splitlines(),
    ]
