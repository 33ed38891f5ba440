"""The proxy on this machine: Debian's Caddy with our Caddyfile."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from . import caddy, certificates, files, say, systemd
from .failure import Failure
from .layout import CADDY_SOCKET, SETTINGS, App
from .site import Site, caddyfile
from .spec import Tls

UNIT = caddy.UNIT

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


def before_installation() -> None:
    """Write the configuration before Caddy's package is there: its service then starts with ours, not with its own."""
    caddy.write(caddyfile(sites()))


def configure(app: App, settings: Site, tls: Tls) -> bool:
    """Have the proxy serve an app with these settings and certificates; says whether anything changed.

    The settings are written down once the proxy runs with them. What it does not accept (a key that does not fit its
    certificate, a port that is taken) is a Failure that changes nothing: all apps go on as they were.
    """
    certificates.mend()
    new = certificates.write(app, tls)
    settings = replace(settings, certificates=certificates.folder_name(tls))
    recorded = site(app).certificates if app.settings.exists() else ""
    try:
        changed = caddy.load(caddyfile([*(other for other in sites() if other.app != app.name), settings]))
    except Failure:
        if settings.certificates != recorded:
            certificates.remove(app, settings.certificates)
        raise
    changed |= files.write_json(app.settings, settings.as_data())
    certificates.forget(app, keep=settings.certificates)
    return changed or new


def heal() -> None:
    """Have the proxy run with the settings that were written down, also where a ``prepare`` was killed on the way.

    A deployment needs a proxy that runs, not one that has just been reloaded: it goes on where the reload is refused.
    """
    try:
        caddy.load(caddyfile(sites()))
    except Failure as failure:
        if not systemd.running(UNIT):
            raise
        say.step("warning", str(failure))


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


def drain(port: int, timeout: float, meanwhile: Callable[[], None] = lambda: None) -> int | None:
    """Wait until no request to a port is under way, at most ``timeout`` seconds. Returns how many were left.

    None means that a running proxy could not be asked. ``meanwhile`` is called at every look; what it raises ends the
    wait.
    """
    began = time.monotonic()
    while True:
        time.sleep(min(LEAST_DRAIN / 2, 0.1))
        meanwhile()
        left = requests_under_way(port)
        if left is None and not systemd.running(UNIT):
            left = 0
        waited = time.monotonic() - began
        if (left == 0 and waited >= LEAST_DRAIN) or waited >= max(timeout, LEAST_DRAIN):
            return left
