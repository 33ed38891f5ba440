"""The proxy on this machine: Debian's Caddy with our Caddyfile."""

from __future__ import annotations

import contextlib
import grp
import hashlib
import http.client
import json
import os
import pwd
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import files, sh, systemd
from .failure import Failure
from .layout import CADDY_DROPIN, CADDY_SOCKET, CADDYFILE, SETTINGS, STATE, App
from .site import Site, caddyfile
from .spec import Tls

UNIT = "caddy.service"
APPLIED = STATE / "proxy.json"

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


def write(found: list[Site]) -> bool:
    """Write the proxy's configuration and its unit's drop-in. Says whether either changed."""
    dropin = files.write(CADDY_DROPIN, DROPIN)
    if dropin:
        systemd.reload()
    return files.write(CADDYFILE, caddyfile(found)) or dropin


def configure(app: App, settings: Site, tls: Tls) -> bool:
    """Write an app's settings and certificates and the configuration with them; says whether anything changed.

    What Caddy does not accept (a key that does not fit its certificate, say) is taken back and is a Failure: the other
    apps, and this one as it was, go on.
    """
    before = _snapshot(app)
    changed = _certificates(app, tls)
    changed |= files.write_json(app.settings, settings.as_data())
    changed |= write(sites())
    if changed:
        with tempfile.TemporaryDirectory(prefix="launchpad-caddy-") as scratch:
            env = {"XDG_DATA_HOME": scratch, "XDG_CONFIG_HOME": scratch, "HOME": scratch}
            check = sh.run(["caddy", "validate", "--config", str(CADDYFILE), "--adapter", "caddyfile"], env=env)
        if not check.ok:
            _restore(before)
            raise Failure(f"The proxy does not accept these settings:\n{check.last_lines(1)}")
    return changed


def _snapshot(app: App) -> dict[Path, tuple[str, os.stat_result] | None]:
    """The files that ``configure`` writes, as they are; None where there is none."""
    paths = [app.settings, CADDYFILE, *(app.certificates / name for name in CERTIFICATES)]
    return {path: (path.read_text(encoding="utf-8"), path.stat()) if path.exists() else None for path in paths}


def _restore(before: dict[Path, tuple[str, os.stat_result] | None]) -> None:
    for path, known in before.items():
        if known is None:
            path.unlink(missing_ok=True)
        else:
            text, status = known
            files.write(path, text, status.st_mode & 0o7777, (status.st_uid, status.st_gid))


CERTIFICATES = ("certificate.pem", "key.pem", "acme-root.pem")


def _certificates(app: App, tls: Tls) -> bool:
    """The app's own certificate, and the root of a private ACME server: for the proxy's user alone."""
    caddy = (pwd.getpwnam("caddy").pw_uid, grp.getgrnam("caddy").gr_gid)
    wanted = dict(zip(CERTIFICATES, (tls.certificate, tls.key, tls.acme_root), strict=True))
    changed = False
    if any(wanted.values()):
        files.directory(app.certificates.parent, 0o755)
        files.directory(app.certificates, 0o700, caddy)
    for name, text in wanted.items():
        path = app.certificates / name
        if text:
            changed |= files.write(path, text.strip() + "\n", 0o600, caddy)
        elif path.exists():
            path.unlink()
            changed = True
    return changed


def apply() -> None:
    """Have the proxy run with the written configuration; a reload keeps requests that are under way.

    Which configuration it runs with is noted on disk: what an interrupted run wrote is applied by the next.
    """
    running = systemd.running(UNIT)
    wanted = _digest()
    changed = (files.read_json(APPLIED) or {}).get("digest") != wanted
    if running and not changed:
        return
    _run(changed=changed, running=running)
    files.write_json(APPLIED, {"digest": wanted})


def _digest() -> str:
    """A fingerprint of everything that the proxy reads when it loads its configuration."""
    paths = [CADDY_DROPIN, CADDYFILE, *sorted(SETTINGS.glob("tls/*/*.pem"))]
    texts = [f"{path}\0{path.read_text(encoding='utf-8')}" for path in paths if path.exists()]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _run(*, changed: bool, running: bool) -> None:
    if changed and running and CADDY_SOCKET.exists() and sh.run(["systemctl", "reload", UNIT], timeout=60).ok:
        return
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
