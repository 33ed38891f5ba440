"""Moves the proxy out of Debian's ``caddy.service``, in which earlier versions ran it, and gives that back.

Two programs of different users cannot listen on one port, so the new one starts in the moment in which the old one has
stopped listening; the old one answers what it has begun.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path

from infra.agent.proxy.caddyfile import HEADER
from infra.agent.system import files, say, sh, sockets, systemd
from infra.agent.system.layout import FILE_SOCKETS, PROXY_STATE, PROXY_USER, UNITS, proxy_ids

UNIT = "caddy.service"
CADDYFILE = Path("/etc/caddy/Caddyfile")
DROPIN = UNITS / "caddy.service.d/launchpad.conf"
KEPT = "Caddyfile.before-launchpad"
"""What earlier versions called a configuration of somebody else, which they had moved away."""
DATA = Path("/var/lib/caddy/.local/share/caddy")
"""Where Debian's unit has Caddy keep the certificates that came by ACME."""
LONGEST = 10.0
"""Seconds to wait at most until a Caddy that stops listens no more."""
COPY = "setpriv {0} tar --directory={1} --create --file=- . | setpriv {2} tar --directory={3} --extract --file=-"
"""Copies files as those who own them: root does not walk through the folder of another user."""


def is_there() -> bool:
    """Whether an earlier version has made Debian's Caddy the proxy."""
    return DROPIN.exists()


def processes() -> set[int]:
    """The processes of the proxy of an earlier version."""
    return set(systemd.processes(systemd.state(UNIT))) if is_there() else set()


def hand_over() -> None:
    """Have the former proxy make room: it has stopped listening, and its files are the new one's."""
    say.step("proxy", "moving the proxy from caddy.service to a unit of its own")
    _copy_certificates()
    own = processes()
    sh.run(["systemctl", "stop", "--no-block", UNIT])
    until = time.monotonic() + LONGEST
    while time.monotonic() < until and _listens(own):
        time.sleep(0.02)
    _, group = proxy_ids()
    for path in FILE_SOCKETS.glob("*.sock"):
        os.chown(path, 0, group, follow_symlinks=False)


def take_back() -> None:
    """Have the former proxy serve again: the new one does not start."""
    sh.run(["systemctl", "start", UNIT])


def remove() -> None:
    """Give ``caddy.service`` back to Debian. What it still answers it answers to the end."""
    if CADDYFILE.exists() and CADDYFILE.read_bytes().startswith(HEADER.encode()):
        CADDYFILE.unlink()
        kept = CADDYFILE.with_name(KEPT)
        if kept.exists():
            kept.rename(CADDYFILE)
            say.step("proxy", f"{CADDYFILE} is again what it was before Launchpad came; it is not served")
    sh.run(["systemctl", "disable", "--quiet", UNIT])
    DROPIN.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        DROPIN.parent.rmdir()
    systemd.reload()


def _listens(pids: set[int]) -> bool:
    """Whether one of these processes listens on a port."""
    return bool(sockets.holders((listener.inode for listener in sockets.listeners()), pids))


def _copy_certificates() -> None:
    """Copy what came by ACME, so that it need not come again."""
    target = PROXY_STATE / "caddy"
    if not DATA.is_dir() or target.exists() or shutil.which("setpriv") is None:
        return
    files.directory(PROXY_STATE, 0o700, proxy_ids())
    files.directory(target, 0o700, proxy_ids())
    words = "--reuid={0} --regid={0} --clear-groups --"
    command = COPY.format(words.format("caddy"), DATA, words.format(PROXY_USER), target)
    if not sh.run(["/bin/sh", "-c", command]).ok:
        say.step("warning", f"the certificates below {DATA} could not be copied; they come by ACME again")
