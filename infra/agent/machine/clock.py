"""Has the clock synchronised: by whatever does that already, otherwise by systemd-timesyncd."""

from __future__ import annotations

import ctypes

from infra.agent.machine import kind_of_machine, record
from infra.agent.machine.report import Report
from infra.agent.machine.wanted import Wanted
from infra.agent.system import packages, sh, unit_state

PACKAGE = "systemd-timesyncd"
UNIT = "systemd-timesyncd.service"
OTHERS = ("chrony.service", "chronyd.service", "ntpsec.service", "ntp.service", "openntpd.service")
"""Other programs that set the clock, of which a machine has one at most."""
FORMER = "clock "
UNSYNCHRONISED = 0x40
"""``STA_UNSYNC`` of the kernel's clock. Source: adjtimex(2)."""


class Timex(ctypes.Structure):
    """The beginning of the kernel's ``struct timex``; the rest is room. Source: adjtimex(2)."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


def apply(wanted: Wanted, report: Report) -> None:
    """Have something set the clock; otherwise take back that we had it done."""
    if not wanted.clock:
        was = record.taken(FORMER).get(f"{FORMER}{UNIT}")
        if was is not None:
            if was != "enabled":
                sh.run(["systemctl", "disable", "--quiet", "--now", UNIT])
            record.forget(FORMER)
            report.did("clock", "as this machine has it")
        return
    if kind_of_machine.is_container():
        report.skip("clock", kind_of_machine.HOST.format("the clock"))
        return
    if _runs(*OTHERS) or _runs(UNIT):
        return
    record.before(f"{FORMER}{UNIT}", sh.run(["systemctl", "is-enabled", UNIT]).out.strip())
    packages.install([PACKAGE])
    sh.run(["systemctl", "enable", "--quiet", "--now", UNIT], doing=f"Enabling {UNIT}")
    report.did("clock", "synchronised by systemd-timesyncd")


def _runs(*names: str) -> bool:
    shown = sh.run(["systemctl", "show", *names, "--property=Id,ActiveState"]).out
    return any(each.get("ActiveState") == "active" for each in unit_state.blocks(shown))


def is_synchronised() -> bool | None:
    """Whether the kernel's clock is synchronised, whichever program does that; None if it does not say."""
    now = Timex()
    try:
        answered = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(now))
    except (OSError, AttributeError):
        return None
    return None if answered < 0 else not now.status & UNSYNCHRONISED
