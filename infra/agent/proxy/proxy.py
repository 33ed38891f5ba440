"""The proxy on this machine: Debian's Caddy in a unit of our own, with our Caddyfile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypedDict, cast

from infra.agent.proxy import caddy, certificates, running, unit
from infra.agent.proxy.caddyfile import caddyfile
from infra.agent.proxy.site import Site
from infra.agent.system import files, say, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.layout import SETTINGS, App
from infra.protocol.specs import Tls

UNIT = unit.UNIT

LEAST_DRAIN = 0.25
"""Seconds to wait at least: the proxy counts a request only a moment after it has chosen the slot for it."""
LONGEST_LOOK = 0.1
"""Seconds between two looks at the requests under way, at most."""


def sites() -> list[Site]:
    """The sites of all apps that this machine was prepared for."""
    recorded = [files.read_json(path) for path in sorted(SETTINGS.glob("*/app.json"))]
    return [Site.from_data(data) for data in recorded if data]


def site(app: App) -> Site:
    """An app's site.

    Raises:
        Failure: The machine was never prepared for the app.
    """
    data = files.read_json(app.settings)
    if data is None:
        raise Failure(f"This machine is not prepared for the app {app.name}: run launchpad up first.")
    return Site.from_data(data)


def configure(app: App, settings: Site, tls: Tls) -> bool:
    """Have the proxy serve an app with these settings and certificates, and record them once it does.

    Returns:
        Whether anything changed.

    Raises:
        Failure: The proxy does not accept them (a key that does not fit its certificate, a port in use). Nothing has
            changed for any app.
    """
    unit.write()
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


def load_sites() -> None:
    """Have the proxy run with the recorded settings.

    Raises:
        Failure: It does not accept them and keeps running with the previous ones, or it does not run.
    """
    caddy.load(caddyfile(sites()))


def is_configured() -> bool:
    """Whether a ``prepare`` has come as far as the proxy's configuration."""
    return caddy.is_configured()


def stop() -> None:
    """Stop the proxy; systemd still starts it at boot."""
    systemd.stop(UNIT)


@contextmanager
def paused() -> Iterator[None]:
    """The proxy does not run meanwhile; afterwards it does again if it should."""
    if systemd.running(UNIT):
        say.step("data", "stopping the proxy for a moment: its certificates move to the disk for data")
    systemd.stop(UNIT)
    try:
        yield
    finally:
        if (systemd.WANTS / UNIT).is_symlink():
            systemd.start(UNIT)


def remove() -> list[str]:
    """Stop the proxy and remove it; returns what could not be removed, and why."""
    return caddy.remove()


def heal() -> None:
    """Have the proxy run with the recorded settings, even if a ``prepare`` was killed on the way.

    A deployment needs a proxy that runs, so one that only rejects the reload is a warning.

    Raises:
        Failure: The proxy does not run.
    """
    try:
        load_sites()
    except Failure as failure:
        if not systemd.running(UNIT):
            raise
        say.step("warning", str(failure))


class Upstream(TypedDict, total=False):
    """What Caddy says of a port that it sends requests to. Source: its admin API, GET /reverse_proxy/upstreams."""

    address: str
    num_requests: int


def requests_under_way(port: int) -> int | None:
    """How many requests to a slot's port are under way; None if the proxy does not answer."""
    upstreams = cast("list[Upstream] | None", running.ask("/reverse_proxy/upstreams"))
    if upstreams is None:
        return None
    return sum(
        upstream.get("num_requests", 0) for upstream in upstreams if upstream.get("address") == f"127.0.0.1:{port}"
    )


def drain(port: int, timeout: float, meanwhile: Callable[[], None] = lambda: None) -> int | None:
    """Wait until no request to a port is under way.

    Args:
        port: The port of a slot.
        timeout: Seconds to wait at most.
        meanwhile: Called at every look; what it raises ends the wait.

    Returns:
        How many requests are still under way; None if a running proxy does not answer.
    """
    began = time.monotonic()
    while True:
        time.sleep(min(LEAST_DRAIN / 2, LONGEST_LOOK))
        meanwhile()
        left = requests_under_way(port)
        if left is None and not systemd.running(UNIT):
            left = 0
        waited = time.monotonic() - began
        if (left == 0 and waited >= LEAST_DRAIN) or waited >= max(timeout, LEAST_DRAIN):
            return left
