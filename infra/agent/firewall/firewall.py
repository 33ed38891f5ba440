"""Sets up the server's firewall: new rules hold on trial until somebody confirms them over a fresh connection."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from infra.agent.firewall import foreign, parts, table, trial
from infra.agent.firewall.parts import FOLDER, LISTED, RULES
from infra.agent.system import compare, files, locks, packages, say, sh, sockets, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.layout import RUN, UNITS
from infra.protocol.firewall import FirewallSpec, Rule

PACKAGE = "nftables"
LOCK = RUN / "firewall.lock"
UNIT = "launchpad-firewall.service"
WANTS = UNITS / "sysinit.target.wants"
TEXT = f"""\
# Written by launchpad-agent; changes are overwritten by the next deployment.
[Unit]
Description=Launchpad's firewall rules
DefaultDependencies=no
After=nftables.service
Before=network-pre.target shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f {RULES}

[Install]
WantedBy=sysinit.target
"""
"""After nftables.service: Debian's configuration for that begins with ``flush ruleset``."""


class Applied(TypedDict):
    """What ``apply`` reports: the seconds until the rules are taken back, and the open ports that they close."""

    trial: float
    closed: dict[str, str]


def apply(spec: FirewallSpec, connection: str) -> Applied:
    """Load a stack's rules, on trial. Only for who holds the machine alone.

    Args:
        spec: The stack and its rules.
        connection: What sshd says in ``SSH_CONNECTION`` of who asks; empty if that is not known.

    Raises:
        Failure: The rules are not loaded, and why. The former ones hold.
    """
    if name := foreign.services():
        raise Failure(_refusal(name, spec))
    packages.install([PACKAGE])
    _settle(spec.owner)
    with _alone():
        if name := foreign.rules():
            raise Failure(_refusal(name, spec))
        rules = parts.together({**parts.recorded(), spec.owner: spec.rules})
        _check_way_in(rules, connection)
        trial.begin(spec, table.text(rules))
    closed = _closed(rules)
    for port, program in closed.items():
        say.step("warning", f"TCP port {port} ({program}) is closed now: no rule of launchpad:rules opens it")
    say.step("firewall", f"{len(spec.rules)} rules hold for {spec.trial:g} s, unless they are confirmed")
    return {"trial": spec.trial, "closed": closed}


def confirm(owner: str) -> None:
    """Keep the rules that are on trial, now and after a reboot.

    Raises:
        Failure: They have been taken back already.
    """
    with _alone():
        spec = trial.on_trial()
        if spec is None or spec.owner != owner or trial.decide() is None:
            raise Failure("the firewall's new rules were taken back already, as nobody confirmed them in time")
        parts.record(spec.owner, spec.rules)
        _write()
        _load()
        trial.end()
    say.step("firewall", "the rules are confirmed and hold after a reboot, too")


def remove(owner: str) -> None:
    """Take a stack's rules away; with the last one's the whole table. Only for who holds the machine alone."""
    with _alone():
        on_trial = trial.on_trial()
        if on_trial and on_trial.owner == owner:
            trial.take_back()
        parts.forget(owner)
        if parts.recorded():
            _renew()
            say.step("firewall", "the rules of this stack are gone; those of others stay")
            return
    clear()
    say.step("firewall", "there are no rules any more")


def renew() -> None:
    """Have the rules fit the apps that are on the machine now, and hold. Only for who holds the machine alone."""
    if FOLDER.is_dir():
        with _alone():
            _renew()


def found() -> str:
    """How the kernel's table is found: gone or changed; empty if it is as it was loaded, or there is to be none."""
    if not parts.recorded() or trial.on_trial():
        return ""
    listed = _listed()
    return "" if listed == _text(LISTED) else compare.CHANGED if listed else "gone"


def still_needed() -> frozenset[str]:
    """The Debian packages that the rules need now."""
    return frozenset({PACKAGE} if parts.recorded() else ())


def clear() -> None:
    """Take everything away: the table, and what loads it at boot."""
    with _alone():
        trial.take_back()
        systemd.stop_all([UNIT])
        systemd.disable(UNIT, WANTS)
        with contextlib.suppress(OSError):
            WANTS.rmdir()
        files.remove_tree(UNITS / UNIT)
        systemd.reload()
        if shutil.which("nft"):
            sh.run(["nft", "-f", "-"], feed=table.NONE, doing="Removing the firewall's rules")
        files.remove_tree(FOLDER)
        LOCK.unlink(missing_ok=True)


@contextmanager
def _alone() -> Iterator[None]:
    """Nobody else changes the rules meanwhile; for moments only."""
    handle = locks.open_file(LOCK)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _settle(owner: str) -> None:
    """Wait until no other stack's rules are on trial; one's own, from an attempt before, are taken back.

    Nobody begins another trial meanwhile, for we hold the machine alone; but that one may be confirmed.
    """
    reported = False
    while (found := trial.on_trial()) and found.owner != owner and trial.is_watched():
        if not reported:
            say.step("firewall", f"waiting for {found.owner}, whose new rules are on trial")
            reported = True
        time.sleep(0.2)
    with _alone():
        if trial.on_trial():
            trial.take_back()


def load() -> None:
    """Load the table again, which somebody has removed or changed."""
    with _alone():
        _load()


def _renew() -> None:
    if not (_write() or found()):
        return
    if trial.on_trial():
        trial.note_former()  # what is on trial holds until it is decided
    else:
        _load()


def _load() -> None:
    """Load the rules from the disk, as a boot does, and note how nft lists them then."""
    sh.run(["systemctl", "restart", UNIT], doing="Loading the firewall's rules")
    files.write(LISTED, _listed())


def _listed() -> str:
    """The table as nft lists it; empty if there is none."""
    return sh.run(["nft", "--stateless", "list", "table", "inet", "launchpad"]).out if shutil.which("nft") else ""


def _text(path: Path) -> str:
    """What is in a file; empty if there is none."""
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _write() -> bool:
    """Write the rules of all stacks and what loads them at boot. Says whether the rules changed."""
    changed = files.write(RULES, table.text(parts.together(parts.recorded())))
    if files.write(UNITS / UNIT, TEXT):
        systemd.reload()
    systemd.enable(UNIT, UNITS / UNIT, WANTS)
    return changed


def _check_way_in(rules: list[Rule], connection: str) -> None:
    """Refuse rules that would shut out who asks, as far as that can be told from the connection."""
    fields = connection.split()
    if len(fields) != 4 or fields[0] == fields[2] or table.lets_in(rules, fields[0], int(fields[3])):
        return
    raise Failure(
        f"These firewall rules would lock SSH out: this server sees you come from {fields[0]} to port {fields[3]}, "
        "and no rule lets that in. launchpad:ssh_cidrs must contain that address (of a jump host, if you come through "
        "one), and launchpad:server.port must be that port. Nothing has changed."
    )


def _closed(rules: list[Rule]) -> dict[str, str]:
    """The TCP ports that somebody else's program listens on for others, and no rule opens; with the program."""
    listening = [each for each in sockets.listeners() if not each.address.startswith(("127.", "::1"))]
    shut = table.closed(rules, (each.port for each in listening))
    inodes = {each.inode: each.port for each in listening if each.port in shut}
    found = dict.fromkeys(shut, "unknown")
    for pid in sockets.all_processes() if inodes else []:
        for inode in sockets.sockets_of(pid) & set(inodes):
            found[inodes[inode]] = sockets.program(pid)
    return {str(port): found[port] for port in shut}


def _refusal(name: str, spec: FirewallSpec) -> str:
    """Why there is no second firewall."""
    ports = sorted({rule.from_port for rule in spec.rules if rule.direction == "ingress" and rule.from_port})
    return (
        f"This server has another firewall: {name}. A packet has to be let in by each of them, so they would close "
        "each other's ports. Leave launchpad:server.firewall off and open the TCP ports "
        f"{', '.join(map(str, ports))} there; or turn that firewall off, and run this again. Nothing has changed."
    )
