"""Sets up the machine as all stacks on it want it, and takes that back. May be killed at any moment and run again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

from infra.agent.machine import clock, journald, kernel, people, reboots, record, sshd, swap, upgrades
from infra.agent.machine.report import Report
from infra.agent.machine.wanted import Wanted, together
from infra.agent.system import files, machine, package_record, packages, say, systemd
from infra.agent.system.layout import STATE
from infra.protocol.machine_settings import SettingsSpec

Step = Callable[[Wanted, Report], None]
STEPS: tuple[Step, ...] = (
    people.remove_gone,
    people.apply,
    journald.apply,
    kernel.apply,
    swap.apply,
    upgrades.apply,
    clock.apply,
    reboots.apply,
)
"""What follows sshd, which comes first: where that fails, nothing has changed."""


class Settled(TypedDict):
    """What ``settings`` reports.

    ``changed`` names what was not as wanted, ``skipped`` what this machine does not have and why; ``packages`` are the
    Debian packages that were purged.
    """

    owner: str
    changed: list[str]
    skipped: dict[str, str]
    warnings: list[str]
    packages: list[str]
    seconds: float


def apply(spec: SettingsSpec) -> Settled:
    """Set up the machine as a stack wants it, together with what the others on it want.

    Only for who holds the machine alone.

    Raises:
        Failure: The machine cannot be set up, and why.
    """
    machine.check()
    return _settle(spec.owner, {**record.specs(), spec.owner: spec})


def remove(owner: str) -> Settled:
    """Take back what a stack wanted of the machine. What others want of it stays.

    Only for who holds the machine alone.
    """
    return _settle(owner, {name: spec for name, spec in record.specs().items() if name != owner})


def needed(wanted: Wanted) -> frozenset[str]:
    """The Debian packages that the settings need."""
    found = {upgrades.PACKAGE: wanted.updates, clock.PACKAGE: wanted.clock, "sudo": bool(wanted.people)}
    return frozenset(name for name, needs in found.items() if needs)


def still_needed() -> frozenset[str]:
    """The Debian packages that the settings need now."""
    return needed(together(record.specs()))


PACKAGES = needed(Wanted(updates=True, clock=True, people={"": ()}))
"""All packages that settings may bring."""


def _settle(owner: str, specs: dict[str, SettingsSpec]) -> Settled:
    wanted, report = together(specs), Report()
    people.check(wanted)
    sshd.apply(wanted, report)
    files.directory(STATE, 0o755)
    # Whatever happens from here on, what is there is known to be a stack's.
    record.keep(specs)
    for step in STEPS:
        step(wanted, report)
    purged = _purge(wanted)
    say.step("done", f"the machine is set up ({', '.join(report.changed)})" if report.changed else "nothing to do")
    return {
        "owner": owner,
        "changed": report.changed,
        "skipped": report.skipped,
        "warnings": report.warnings,
        "packages": purged,
        "seconds": round(say.seconds(), 2),
    }


def _purge(wanted: Wanted) -> list[str]:
    """Purge what earlier settings brought and these do not need."""
    unwanted = package_record.asked() & (PACKAGES - needed(wanted))
    if not unwanted:
        return []
    purged, reason = packages.purge(package_record.asked() - unwanted)
    if reason:
        say.step("packages", f"not removed: {reason}")
    # the units of a package that is gone
    systemd.reload()
    return purged
