"""The files of PostgreSQL's server: its configuration, who may connect, its unit. Pure, all of it ours."""

from __future__ import annotations

import hashlib
from pathlib import Path

from infra.agent.services.postgres_tuning import Tuning
from infra.agent.system.hardening import KERNEL
from infra.agent.system.layout import SETTINGS, UNITS
from infra.protocol import database

FOLDER = SETTINGS / "postgresql"
CONFIG, ACCESS, MAP = (FOLDER / name for name in ("postgresql.conf", "pg_hba.conf", "pg_ident.conf"))
UNIT = "launchpad-postgresql.service"
UNIT_FILE = UNITS / UNIT
USER = "launchpad-postgres"
"""The user that the server runs as, and its superuser. Not Debian's ``postgres``: that may be somebody else's."""
VERSION = "launchpad.files"
"""A setting of our own on the server's command line, by which is seen with which files it was started."""
HEAD = "# Written by launchpad-agent prepare; changes are overwritten by the next one.\n"
NO_ALTER_SYSTEM = 17
"""The first version in which settings can be kept in this file alone."""
ACCESS_TEXT = f"""\
{HEAD}# Only by the socket, and the kernel says who connects: there is no password. An app reaches its own database
# only, and root as the server's own user. A role has its own name for a group of itself.
# TYPE  DATABASE  USER  METHOD
local all {USER} peer
local samerole all peer
"""
MAP_TEXT = f"{HEAD}# Every user of the system is the role of the same name, so nothing is mapped.\n"


def config(tuned: Tuning, major: int) -> str:
    """The server's configuration.

    Args:
        tuned: What depends on the machine's memory.
        major: PostgreSQL's major version.
    """
    alone = "allow_alter_system = off\n" if major >= NO_ALTER_SYSTEM else ""
    return f"""\
{HEAD}listen_addresses = ''
unix_socket_directories = '{database.SOCKET}'
unix_socket_permissions = 0777
hba_file = '{ACCESS}'
ident_file = '{MAP}'
authentication_timeout = 10s
client_connection_check_interval = 10s
max_connections = {tuned.connections}
shared_buffers = {tuned.shared_buffers}MB
effective_cache_size = {tuned.effective_cache_size}MB
maintenance_work_mem = {tuned.maintenance_work_mem}MB
work_mem = {tuned.work_mem}kB
random_page_cost = 1.1
log_destination = 'stderr'
logging_collector = off
log_line_prefix = '%q%u@%d '
log_checkpoints = off
timezone = 'UTC'
log_timezone = 'UTC'
{alone}"""


def unit(programs: Path, data: Path, files_version: str) -> str:
    """The server's unit.

    SIGINT has it end quickly and cleanly. It reaches no network, and nobody there reaches it.

    Args:
        programs: The folder of PostgreSQL's programs.
        data: The folder of the databases.
        files_version: What ``version`` says of the files.
    """
    return f"""\
{HEAD}[Unit]
Description=Launchpad's PostgreSQL
RequiresMountsFor={data}
StartLimitIntervalSec=0

[Service]
Type=notify
User={USER}
Group={USER}
ExecStart={programs}/postgres -D {data} -c config_file={CONFIG} -c {VERSION}={files_version}
ExecReload=/bin/kill -HUP $MAINPID
KillMode=mixed
KillSignal=SIGINT
TimeoutStartSec=infinity
TimeoutStopSec=300
Restart=always
RestartSec=1
SyslogIdentifier=launchpad-postgresql
RuntimeDirectory={Path(database.SOCKET).name}
RuntimeDirectoryMode=0755
Environment=LC_ALL=C.UTF-8 PG_OOM_ADJUST_FILE=/proc/self/oom_score_adj PG_OOM_ADJUST_VALUE=0
OOMScoreAdjust=-900
UMask=0077
ProtectSystem=strict
ReadWritePaths={data}
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateNetwork=yes
{KERNEL}RestrictAddressFamilies=AF_UNIX AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""


def version(tuned: Tuning, major: int, programs: Path, data: Path) -> str:
    """A fingerprint of the files that a server is started with, its unit among them; the arguments are theirs."""
    texts = (config(tuned, major), ACCESS_TEXT, MAP_TEXT, unit(programs, data, ""))
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]
