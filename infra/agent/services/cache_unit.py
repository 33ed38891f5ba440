"""The unit of an app's cache: a Redis of its own, which the app's user alone reaches. Pure."""

from __future__ import annotations

from infra.agent.process.units import HARDENING, whole_data
from infra.agent.system.layout import App
from infra.protocol import paths
from infra.protocol.services import Cache

PACKAGE = "redis-tools"
"""Debian's package with the server. The package ``redis-server`` adds a daemon for the whole machine, on a TCP port."""
PROGRAM = "@/usr/bin/redis-check-rdb redis-server"
"""The server: the program is this one, too, and does what its own name says; Debian's redis-server is a link to it."""
SHARE = 8
"""The part of the machine's memory that a cache may take: an eighth."""
LEAST, MOST = 32 * 2**20, 2**30
"""The least and the most bytes of a cache for which nobody has set any."""
START, STOP = 300, 60
"""Seconds that it may take to read what it kept, and to write it."""


def memory(machine: int) -> int:
    """The bytes that a cache holds where nobody has set any.

    Args:
        machine: The machine's memory in bytes.
    """
    return max(LEAST, min(machine // SHARE, MOST))


def text(app: App, cache: Cache, machine: int) -> str:
    """The unit's text.

    Each change is in the file that the server appends to (``appendonly``), which reaches the disk within a second: a
    queue in the cache outlives a restart, a kill and the machine.

    Args:
        app: The app.
        cache: What the settings say.
        machine: The machine's memory in bytes.
    """
    sandbox = HARDENING.replace(
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK", "RestrictAddressFamilies=AF_UNIX"
    )
    options = [
        f"--port 0 --unixsocket {paths.cache_socket(app.name)} --unixsocketperm 700",
        f"--maxmemory {cache.memory or memory(machine)} --maxmemory-policy {cache.policy}",
        f'--dir {app.cache_data} --appendonly yes --appendfsync everysec --save ""',
        '--daemonize no --supervised systemd --logfile ""',
    ]
    command = " \\\n  ".join([PROGRAM, *options])
    return f"""\
# Written by launchpad-agent prepare; changes are overwritten by the next one.
[Unit]
Description={app.name} (cache)
RequiresMountsFor={app.data}
{whole_data(app)}StartLimitIntervalSec=0

[Service]
Type=notify
User={app.user}
Group={app.user}
ExecStartPre=/usr/bin/mkdir -p -m 0700 {app.cache_data}
ExecStart={command}
TimeoutStartSec={START}
TimeoutStopSec={STOP}
Restart=always
RestartSec=1
LimitNOFILE=65536
SyslogIdentifier={app.name}-cache
RuntimeDirectory={paths.CACHES.rpartition("/")[2]}/{app.name}
RuntimeDirectoryMode=0700
ProtectSystem=strict
ReadWritePaths={app.data}
{sandbox}
PrivateNetwork=yes

[Install]
WantedBy=multi-user.target
"""
