"""The proxy on this machine: Debian's Caddy with our Caddyfile."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Callable
from typing import Any

from . import files, sh, systemd
from .failure import Failure
from .layout import CADDY_DROPIN, CADDY_SOCKET, CADDYFILE, SETTINGS, App
from .site import Site, caddyfile

UNIT = "caddy.service"

DROPIN = """\
# Written by launchpad-host prepare; changes are overwritten by the next one.
[Unit]
StartLimitIntervalSec=0

[Service]
RuntimeDirectory=caddy
RuntimeDirectoryMode=0750
StateDirectory=caddy
Restart=always
RestartSec=1
TimeoutStopSec=40s
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
ProtectSystem=strict
ProtectHome=yes
PrivateDevices=yes
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
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
"""

# A request matched to the old slot a moment before the switch is counted by the proxy only a moment later.
LEAST_DRAIN = 0.25


def sites() -> list[Site]:
    """The sites of all apps that were prepared on this machine."""
    found = [files.read_json(path) for path in sorted(SETTINGS.glob("*/app.json"))]
    return [Site.from_data(value) for value in found if value]


def site(app: App) -> Site:
    """An app's site; a Failure where the machine was never prepared for it."""
    value = files.read_json(app.settings)
    if value is None:
        raise Failure(f"This machine is not prepared for the app {app.name}: run launchpad-host prepare first.")
    return Site.from_data(value)


def configure() -> bool:
    """Write the proxy's configuration and its unit's drop-in. Says whether either changed."""
    dropin = files.write(CADDY_DROPIN, DROPIN)
    if dropin:
        systemd.reload()
    return files.write(CADDYFILE, caddyfile(sites())) or dropin


def apply(changed: bool) -> None:
    """Have the proxy run with the written configuration; a reload keeps requests that are under way."""
    running = systemd.running(UNIT)
    if changed and running and CADDY_SOCKET.exists():
        done = sh.run(["systemctl", "reload", UNIT], timeout=60)
        if done.ok:
            return
    if changed or not running:
        done = sh.run(["systemctl", "restart", UNIT], timeout=60)
        if not done.ok:
            lines = "\n".join(systemd.log(UNIT, lines=8))
            raise Failure(f"The proxy does not start: {systemd.describe(systemd.state(UNIT))}\n{lines}")
    sh.run(["systemctl", "enable", "--quiet", UNIT])


class _Connection(http.client.HTTPConnection):
    """HTTP over the proxy's admin socket."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(CADDY_SOCKET))


def requests_under_way(port: int) -> int | None:
    """How many requests the proxy has under way to a slot's port; None where it cannot be asked."""
    connection = _Connection("localhost", timeout=2)
    try:
        # On a unix socket Caddy accepts only an empty Host.
        connection.putrequest("GET", "/reverse_proxy/upstreams", skip_host=True)
        connection.putheader("Host", "")
        connection.endheaders()
        upstreams: list[dict[str, Any]] = json.loads(connection.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        with contextlib.suppress(OSError):
            connection.close()
    return sum(int(up.get("num_requests", 0)) for up in upstreams if up.get("address") == f"127.0.0.1:{port}")


def drain(port: int, timeout: float, meanwhile: Callable[[], None] = lambda: None) -> int:
    """Wait until no request to a port is under way, at most ``timeout`` seconds. Returns how many were left.

    ``meanwhile`` is called at every look; what it raises ends the wait.
    """
    began = time.monotonic()
    while True:
        time.sleep(min(LEAST_DRAIN / 2, 0.1))
        meanwhile()
        left = requests_under_way(port) or 0
        waited = time.monotonic() - began
        if (not left and waited >= LEAST_DRAIN) or waited >= max(timeout, LEAST_DRAIN):
            return left
