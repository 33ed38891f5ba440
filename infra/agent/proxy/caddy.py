"""Runs Caddy: it takes a whole configuration at a time, and keeps the old one if it rejects the new."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from pathlib import Path

from infra.agent.proxy import backlog, debian_caddy, former, unit
from infra.agent.system import files, journal, names, sh, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.layout import CADDY_SOCKET, CADDYFILE, PROXY_SETTINGS, PROXY_STATE, STATE, proxy_ids

TIMEOUT = 60.0
"""Seconds that Caddy may take to start or to reload."""
APPLIED = STATE / "proxy.json"
"""Holds a fingerprint of the configuration that Caddy runs with; gone while that changes."""


def write(text: str) -> bool:
    """Write the configuration and the unit, for the next start of Caddy. Says whether either changed."""
    changed = unit.write()
    return _keep(text) or changed


def _keep(text: str) -> bool:
    """Write the configuration for root and the proxy: it holds hashes of passwords. Says whether it changed."""
    _, group = proxy_ids()
    return files.write(CADDYFILE, text, 0o640, (0, group))


def load(text: str) -> bool:
    """Have Caddy run with a configuration, now and after a reboot. A reload keeps the requests that are under way.

    Returns:
        Whether anything changed.

    Raises:
        Failure: Caddy rejected the configuration, with its reason, and keeps running with the old one; or it does not
            start at all.
    """
    backlog.keep()
    digest = hashlib.sha256(f"{unit.TEXT}\0{text}".encode()).hexdigest()
    running = systemd.running(unit.UNIT)
    applied = (files.read_json(APPLIED) or {}).get("digest") == digest
    # If somebody has changed the file, Caddy may have read it.
    if running and applied and CADDYFILE.exists() and CADDYFILE.read_bytes() == text.encode():
        systemd.enable(unit.UNIT, unit.FILE)
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
    systemd.enable(unit.UNIT, unit.FILE)
    files.write_json(APPLIED, {"digest": digest})
    files.sweep(CADDYFILE.parent)
    if former.is_there():
        # After the new one runs: whenever we are killed, one of the two is started at boot.
        former.remove()
    return True


def remove() -> list[str]:
    """Stop Caddy, and remove its unit, user, configuration and what it keeps.

    Returns:
        What could not be removed, and why.
    """
    if former.is_there():
        sh.run(["systemctl", "stop", former.UNIT])
        former.remove()
    debian_caddy.after_installation()
    sh.run(["systemctl", "disable", "--quiet", "--now", unit.UNIT])
    systemd.disable(unit.UNIT)
    files.remove_tree(unit.FILE)
    systemd.reload()
    sh.run(["systemctl", "reset-failed", unit.UNIT])
    files.remove_tree(PROXY_SETTINGS)
    files.remove_tree(PROXY_STATE)
    APPLIED.unlink(missing_ok=True)
    backlog.as_before()
    try:
        names.remove_proxy_user()
    except Failure as failure:
        return [str(failure)]
    return []


def distrust() -> None:
    """Have the next ``load`` pass the configuration to Caddy although it seems to run with it."""
    APPLIED.unlink(missing_ok=True)


def is_configured() -> bool:
    """Whether there is a configuration, ours or that of an earlier version."""
    return CADDYFILE.exists() or former.is_there()


def _validate(candidate: Path) -> None:
    argv = ["caddy", "validate", "--config", str(candidate), "--adapter", "caddyfile"]
    finished = sh.run(argv, env=homes(candidate.parent))
    if not finished.ok:
        raise Failure(f"The proxy does not accept these settings:\n{reason(finished.err)}")


def _reload(candidate: Path) -> None:
    """Pass a configuration to the running Caddy.

    Raises:
        Failure: Caddy rejected it and keeps running with the old one.
    """
    env = homes(candidate.parent)
    finished = sh.run(_reloading(candidate), env=env, timeout=TIMEOUT)
    if finished.ok:
        return
    # Caddy 2.6 does not tell systemd that a rejected reload is over; loading the old configuration again does.
    sh.run(_reloading(CADDYFILE), env=env, timeout=TIMEOUT)
    raise Failure(
        "The proxy rejected these settings and keeps running with the previous ones. Its reason:\n"
        f"{reason(finished.err)}"
    )


def homes(folder: Path) -> dict[str, str]:
    """Has Caddy, as root, put what it makes for itself into a folder that is removed again, and not into /root."""
    return dict.fromkeys(("XDG_DATA_HOME", "XDG_CONFIG_HOME", "HOME"), str(folder))


def _reloading(path: Path) -> list[str]:
    return [*unit.RELOAD, str(path)]


def _start(text: str) -> None:
    """Start Caddy, or restart one without our socket; if it does not start, put back the old configuration."""
    before = CADDYFILE.read_bytes() if CADDYFILE.exists() else None
    write(text)
    moving = former.is_there()
    if moving:
        former.hand_over()
    if sh.run(["systemctl", "restart", unit.UNIT], timeout=TIMEOUT).ok:
        return
    lines = "\n".join(journal.tail(unit.UNIT, lines=8))
    state = systemd.state(unit.UNIT).describe()
    if before is not None and before != text.encode():
        _keep(before.decode())
        sh.run(["systemctl", "restart", unit.UNIT], timeout=TIMEOUT)
    if moving:
        sh.run(["systemctl", "stop", unit.UNIT])
        former.take_back()
    raise Failure(f"The proxy does not start: {state}\n{lines}")


def reason(errors: str) -> str:
    """Why Caddy rejected a configuration, without its log lines. It wraps the reason in an answer of its HTTP API.

    Args:
        errors: What it wrote to stderr.
    """
    lines = errors.strip().splitlines()
    last = ([line for line in lines if not line.startswith("{")] or lines or ["(it gave none)"])[-1]
    answer = re.search(r'\{"error":".*"\}', last)
    try:
        return str(json.loads(answer[0])["error"]) if answer else last
    except ValueError:
        return last
