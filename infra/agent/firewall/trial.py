"""New rules on trial: the kernel has them, nothing else does, and they are taken back unless somebody confirms them.

A timer of systemd takes them back, by a shell and nft alone, whatever became of the program that loaded them. What is
noted of the trial is in memory, so that a reboot ends it, too.
"""

from __future__ import annotations

import time

from infra.agent.firewall import table
from infra.agent.firewall.parts import RULES
from infra.agent.system import files, sh, systemd
from infra.agent.system.layout import RUN
from infra.protocol import codec
from infra.protocol.firewall import FirewallSpec

NOTE = RUN / "firewall.trial"
"""What is on trial. Whoever renames it has decided: the timer to take it back, or ``confirm``."""
CONFIRMED, TAKEN_BACK = RUN / "firewall.confirmed", RUN / "firewall.taken-back"
FORMER = RUN / "firewall.former"
"""The transaction that brings back what was before."""
UNIT = "launchpad-firewall-trial"
LONGEST_TAKE_BACK = 30.0
"""Seconds that the command to take rules back may take; it is a moment."""
TAKE_BACK = f"mv {NOTE} {TAKEN_BACK} 2>/dev/null && nft -f {FORMER}; rm -f {TAKEN_BACK} {FORMER}"


def begin(spec: FirewallSpec, text: str) -> None:
    """Load rules that the timer takes back.

    Args:
        spec: What is on trial.
        text: The transaction that loads the rules.

    Raises:
        Failure: They could not be loaded. The former ones hold.
    """
    _wait_for_the_last()
    note_former()
    files.write_json(NOTE, codec.plain(spec))
    timer = ["systemd-run", "--quiet", "--collect", f"--unit={UNIT}", f"--on-active={spec.trial:g}"]
    timer += ["--timer-property=AccuracySec=100ms", "/bin/sh", "-c", TAKE_BACK]
    try:
        sh.run(timer, doing="Setting the timer that takes the firewall's rules back")
        sh.run(["nft", "-f", "-"], feed=text, doing="Loading the firewall's rules")
    except BaseException:
        take_back()
        raise


def _wait_for_the_last() -> None:
    """Wait until systemd has done with the timer of a trial before, and the command that took that back."""
    systemd.stop_all([f"{UNIT}.timer"])
    until = time.monotonic() + LONGEST_TAKE_BACK
    while not systemd.state(f"{UNIT}.service").is_stopped and time.monotonic() < until:
        time.sleep(0.05)


def note_former() -> None:
    """Note what to go back to: the rules that hold without the trial."""
    before = RULES.read_text(encoding="utf-8") if RULES.exists() else table.NONE
    files.write(FORMER, before, 0o600)


def on_trial() -> FirewallSpec | None:
    """What is on trial; None if nothing is."""
    data = files.read_json(NOTE)
    return codec.parse(FirewallSpec, data) if data else None


def is_watched() -> bool:
    """Whether the timer will take back what is on trial."""
    return not (systemd.state(f"{UNIT}.timer").is_stopped and systemd.state(f"{UNIT}.service").is_stopped)


def decide() -> FirewallSpec | None:
    """Keep what is on trial: from now on nothing takes it back. None if it has been taken back."""
    try:
        NOTE.rename(CONFIRMED)
    except FileNotFoundError:
        return None
    data = files.read_json(CONFIRMED)
    return codec.parse(FirewallSpec, data) if data else None


def end() -> None:
    """Forget the trial, after ``decide`` and all that follows from it."""
    systemd.stop_all([f"{UNIT}.timer"])
    for path in (CONFIRMED, TAKEN_BACK, FORMER):
        path.unlink(missing_ok=True)


def take_back() -> None:
    """Take back what is on trial now, if anything is."""
    systemd.stop_all([f"{UNIT}.timer"])
    sh.run(["/bin/sh", "-c", TAKE_BACK])
