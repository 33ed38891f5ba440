"""Caddy as a program of this machine: it takes whole configurations, and keeps the old one when it refuses a new."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from pathlib import Path

from . import files, say, sh, systemd
from .failure import Failure
from .layout import CADDY_DROPIN, CADDY_SOCKET, CADDYFILE, STATE
from .site import HEADER

UNIT = "caddy.service"
APPLIED = STATE / "proxy.json"
"""A fingerprint of the configuration that Caddy runs with; not there while that is being changed."""

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


def write(text: str) -> bool:
    """Write the configuration and the unit's drop-in, for the next start. Says whether either changed."""
    dropin = files.write(CADDY_DROPIN, DROPIN)
    if dropin:
        systemd.reload()
    _keep_foreign()
    return files.write(CADDYFILE, text) or dropin


def load(text: str) -> bool:
    """Have Caddy run with a configuration, now and after a reboot. Says whether anything changed.

    A configuration that Caddy refuses is a Failure with its reason. It is tried before it is in place: what runs goes
    on with what it has, and that stays on disk. A reload keeps the requests that are under way.
    """
    digest = hashlib.sha256(f"{DROPIN}\0{text}".encode()).hexdigest()
    running = systemd.running(UNIT)
    applied = (files.read_json(APPLIED) or {}).get("digest") == digest
    # Where somebody has changed the file, Caddy may have been told to read it.
    if running and applied and CADDYFILE.exists() and CADDYFILE.read_bytes() == text.encode():
        return write(text)
    with tempfile.TemporaryDirectory(prefix="launchpad-caddy-") as scratch:
        candidate = Path(scratch) / "Caddyfile"
        candidate.write_text(text, encoding="utf-8")
        _validate(candidate)
        APPLIED.unlink(missing_ok=True)
        if running and CADDY_SOCKET.exists():
            _reload(candidate)
            write(text)
        else:
            _start(text)
    files.write_json(APPLIED, {"digest": digest})
    files.sweep(CADDYFILE.parent)
    return True


def _validate(candidate: Path) -> None:
    env = dict.fromkeys(("XDG_DATA_HOME", "XDG_CONFIG_HOME", "HOME"), str(candidate.parent))
    done = sh.run(["caddy", "validate", "--config", str(candidate), "--adapter", "caddyfile"], env=env)
    if not done.ok:
        raise Failure(f"The proxy does not accept these settings:\n{reason(done.err)}")


def _reload(candidate: Path) -> None:
    """Hand a configuration to the running Caddy; a Failure where it refuses it and goes on with the one it has."""
    done = sh.run(_reloading(candidate), timeout=60)
    if done.ok:
        return
    # Caddy 2.6 does not tell systemd that a refused reload is over; loading what it has once more does.
    sh.run(_reloading(CADDYFILE), timeout=60)
    raise Failure(
        "The proxy refuses to run with these settings; it runs on with those that it has. Its reason:\n"
        f"{reason(done.err)}"
    )


def _reloading(path: Path) -> list[str]:
    return ["caddy", "reload", "--force", "--config", str(path), "--adapter", "caddyfile"]


def _start(text: str) -> None:
    """Start Caddy, or restart one that runs without us; where it does not come up, put back what it had."""
    before = CADDYFILE.read_bytes() if CADDYFILE.exists() else None
    write(text)
    if sh.run(["systemctl", "restart", UNIT], timeout=60).ok:
        sh.run(["systemctl", "enable", "--quiet", UNIT])
        return
    lines = "\n".join(systemd.log(UNIT, lines=8))
    words = systemd.describe(systemd.state(UNIT))
    if before is not None and before != text.encode():
        kept = CADDYFILE.with_name(".Caddyfile.before")
        kept.write_bytes(before)
        kept.replace(CADDYFILE)
        sh.run(["systemctl", "restart", UNIT], timeout=60)
    raise Failure(f"The proxy does not start: {words}\n{lines}")


def reason(errors: str) -> str:
    """Why Caddy refused, without its log lines; it wraps its own answer in one of an HTTP API."""
    said = [line for line in errors.strip().splitlines() if not line.startswith("{")] or errors.strip().splitlines()
    last = said[-1] if said else "(it gave none)"
    answer = re.search(r'\{"error":".*"\}', last)
    try:
        return str(json.loads(answer[0])["error"]) if answer else last
    except ValueError:
        return last


def _keep_foreign() -> None:
    """Save a configuration that is not ours, nor the one that the package came with, beside ours."""
    try:
        found = CADDYFILE.read_bytes()
    except FileNotFoundError:
        return
    if found.startswith(HEADER.encode()) or _as_packaged(found):
        return
    number, copy = 1, CADDYFILE.with_name("Caddyfile.before-launchpad")
    while copy.exists():
        number += 1
        copy = CADDYFILE.with_name(f"Caddyfile.before-launchpad-{number}")
    CADDYFILE.rename(copy)
    say.step("proxy", f"{CADDYFILE} was not Launchpad's; it is kept as {copy}")


def _as_packaged(found: bytes) -> bool:
    """Whether a configuration is the one that Caddy's package came with."""
    packaged = sh.run(["dpkg-query", "--show", "--showformat=${Conffiles}", "caddy"]).out
    return f"{CADDYFILE} {hashlib.md5(found, usedforsecurity=False).hexdigest()}" in packaged
