"""The unit that the proxy runs in: Launchpad's own, beside whatever else serves on the machine."""

from __future__ import annotations

from infra.agent.system import files, names, systemd
from infra.agent.system.hardening import KERNEL
from infra.agent.system.layout import CADDYFILE, PROXY_STATE, PROXY_USER, UNITS

UNIT = "launchpad-proxy.service"
FILE = UNITS / UNIT
RELOAD = ("/usr/bin/caddy", "reload", "--force", "--adapter", "caddyfile", "--config")
"""The command that passes a configuration to the running proxy; the file's path follows."""
TEXT = f"""\
# Written by launchpad-agent prepare; changes are overwritten by the next one.
[Unit]
Description=Launchpad's proxy
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
User={PROXY_USER}
Group={PROXY_USER}
ExecStart=/usr/bin/caddy run --adapter caddyfile --config {CADDYFILE}
ExecReload={" ".join(RELOAD)} {CADDYFILE}
Environment=HOME={PROXY_STATE} XDG_DATA_HOME={PROXY_STATE} XDG_CONFIG_HOME={PROXY_STATE}
SyslogIdentifier=launchpad-proxy
RuntimeDirectory={PROXY_USER}
RuntimeDirectoryMode=0750
StateDirectory={PROXY_STATE.name}
StateDirectoryMode=0700
Restart=always
RestartSec=1
TimeoutStopSec=40s
LimitNOFILE=1048576
NoNewPrivileges=yes
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
{KERNEL}RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""


def write() -> bool:
    """Write the unit, and have its user there; says whether anything changed."""
    added = names.add_proxy_user()
    changed = files.write(FILE, TEXT)
    if changed:
        systemd.reload()
    return changed or added
