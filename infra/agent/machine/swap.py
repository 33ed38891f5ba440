"""A swap file."""

from __future__ import annotations

from pathlib import Path

from infra.agent.machine import kind_of_machine
from infra.agent.machine.report import Report
from infra.agent.machine.wanted import Wanted
from infra.agent.system import files, sh, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.layout import UNITS
from infra.protocol import quantities

FILE = Path("/var/swap/launchpad")
UNIT = UNITS / "var-swap-launchpad.swap"
"""A unit of this kind is named after its file. Source: systemd.swap(5)."""
TEXT = f"""\
# Written by launchpad-agent settings; changes are overwritten by the next launchpad up.
[Unit]
Description=Launchpad's swap file

[Swap]
What={FILE}

[Install]
WantedBy=swap.target
"""
LEFT = 2**30
"""Bytes that stay free on the disk."""


def apply(wanted: Wanted, report: Report) -> None:
    """Have a swap file of the wanted size; none for 0.

    Raises:
        Failure: It cannot be made, and why. One that is there stays, unless it was to go.
    """
    if wanted.swap and kind_of_machine.is_container():
        report.skip("swap", kind_of_machine.HOST.format("the swap"))
        report.warn("launchpad:swap is set, but this machine is a container, which cannot swap by itself.")
        return
    size = FILE.stat().st_size if FILE.exists() else 0
    if size == wanted.swap and (not size or (_is_on() and not files.write(UNIT, TEXT))):
        return
    _check_space(wanted.swap - size)
    if size or UNIT.exists():
        _remove()
    if wanted.swap:
        _make(wanted.swap)
        report.did("swap", f"{quantities.in_words(wanted.swap)} in {FILE}")
    else:
        report.did("swap", "none of ours")


def _is_on() -> bool:
    return any(line.split()[:1] == [str(FILE)] for line in Path("/proc/swaps").read_text(encoding="utf-8").splitlines())


def _check_space(more: int) -> None:
    """Refuse a swap file that the disk has no room for; ``more`` are the bytes that it takes in addition."""
    free = files.free_bytes(FILE.parents[1])
    if more > 0 and free < more + LEFT:
        raise Failure(
            f"launchpad:swap needs {quantities.in_words(more)} more on the machine's disk, where only "
            f"{quantities.in_words(free)} are free, and {quantities.in_words(LEFT)} stay free. Choose a smaller one."
        )


def _make(size: int) -> None:
    FILE.parent.mkdir(mode=0o700, exist_ok=True)
    draft = FILE.with_name(".launchpad.new")
    draft.unlink(missing_ok=True)
    draft.touch(0o600)
    # Written in full: some file systems give out holes for what is only allocated, and the kernel refuses those.
    argv = ["dd", "if=/dev/zero", f"of={draft}", "bs=1M", f"count={size}", "iflag=count_bytes", "status=none"]
    sh.run(argv, doing="Writing the swap file")
    sh.run(["mkswap", str(draft)], doing="Making the swap file")
    draft.rename(FILE)
    files.write(UNIT, TEXT)
    systemd.reload()
    sh.run(["systemctl", "enable", "--quiet", "--now", UNIT.name], doing="Turning on the swap file")


def _remove() -> None:
    """Turn the swap file off and remove it.

    Raises:
        Failure: What is in it does not fit into memory.
    """
    if _is_on():
        sh.run(["swapoff", str(FILE)], doing="Turning off the swap file (does what is in it fit into memory?)")
    sh.run(["systemctl", "disable", "--quiet", UNIT.name])
    files.remove_tree(UNIT)
    systemd.reload()
    files.take_away(FILE)
