"""The machine's condition, as people ask for it: waiting updates, a restart that is required, the clock."""

from __future__ import annotations

import time
from typing import TypedDict

from infra.agent.machine import clock, kind_of_machine, pending, reboots


class Condition(TypedDict):
    """The machine's condition.

    ``updates`` and ``security_updates`` are numbers, as of ``package_lists`` (seconds since the epoch); None without
    package lists. ``reboot_required`` is since when, None if it is not; ``clock_synchronised`` None if nobody knows.
    """

    updates: int | None
    security_updates: int | None
    package_lists: float | None
    reboot_required: float | None
    reboot_packages: list[str]
    clock_synchronised: bool | None


def condition() -> Condition:
    """The condition now. Nothing is fetched."""
    counts = pending.count()
    required = reboots.since()
    return {
        "updates": counts[0] if counts else None,
        "security_updates": counts[1] if counts else None,
        "package_lists": counts[2] if counts else None,
        "reboot_required": required,
        "reboot_packages": reboots.packages() if required else [],
        "clock_synchronised": clock.is_synchronised(),
    }


def lines(found: Condition, *, container: bool | None = None) -> list[str]:
    """The condition for people.

    Args:
        found: The condition.
        container: Whether the machine is a container; by default this one.
    """
    shown = [f"  {'machine':12} {_updates(found)}; {_clock(found, container=container)}"]
    if found["reboot_required"] is not None:
        packages = f" ({', '.join(found['reboot_packages'])})" if found["reboot_packages"] else ""
        shown.append(f"The machine has to restart for an update{packages}, since {_time(found['reboot_required'])}.")
    return shown


def _updates(found: Condition) -> str:
    if found["updates"] is None or found["package_lists"] is None:
        return "updates unknown (no package lists)"
    number, security = found["updates"], found["security_updates"] or 0
    what = (
        "no updates wait"
        if not number
        else f"{number} update{'' if number == 1 else 's'} wait{'s' if number == 1 else ''}"
    )
    of_these = f", {security} of them for security" if number else ""
    return f"{what}{of_these} (package lists of {_time(found['package_lists'])})"


def _clock(found: Condition, *, container: bool | None) -> str:
    if kind_of_machine.is_container() if container is None else container:
        return "the clock is its host's"
    if found["clock_synchronised"] is None:
        return "the clock does not say whether it is synchronised"
    return "the clock is synchronised" if found["clock_synchronised"] else "THE CLOCK IS NOT SYNCHRONISED"


def _time(when: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(when))
