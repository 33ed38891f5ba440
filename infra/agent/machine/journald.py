"""Limits what the journal takes of the disk."""

from __future__ import annotations

from pathlib import Path

from infra.agent.machine.report import Report
from infra.agent.machine.wanted import Wanted
from infra.agent.system import files, sh
from infra.protocol import quantities

DROPIN = Path("/etc/systemd/journald.conf.d/60-launchpad.conf")
SHARE = 8
"""A journal file is an eighth of all at most, so that what is oldest goes in small steps, as by journald's default."""


def text(size: int) -> str:
    """The drop-in; ``size`` in bytes."""
    return (
        "# Written by launchpad-agent settings; changes are overwritten by the next launchpad up.\n"
        f"[Journal]\nSystemMaxUse={size}\nSystemMaxFileSize={size // SHARE}\n"
    )


def apply(wanted: Wanted, report: Report) -> None:
    """Have the journal take no more than wanted; 0 leaves it to journald's default."""
    changed = files.write(DROPIN, text(wanted.journal)) if wanted.journal else files.take_away(DROPIN)
    if changed:
        # What writes to the journal meanwhile is not lost: systemd keeps its sockets and streams.
        sh.run(["systemctl", "restart", "systemd-journald.service"], doing="Restarting journald")
        report.did(
            "journal", f"at most {quantities.in_words(wanted.journal)}" if wanted.journal else "without a limit of ours"
        )
