"""Which processes the kernel killed for their memory: systemd says so in the journal, once for each start of a unit."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from infra.agent.process import launch_file, limits, starts
from infra.agent.system import instances, journal, sh
from infra.agent.system.instances import SLOTS
from infra.agent.system.layout import App
from infra.agent.system.unit_state import UnitState

MESSAGE = "fe6faa94e7774663a0da52717891d8ef"
"""What systemd says of a unit in which the kernel killed a process.
Source: sd-messages(3), SD_MESSAGE_UNIT_OUT_OF_MEMORY."""
MOST = 200
"""Lines that are looked at."""


@dataclass(frozen=True)
class Kill:
    """When (seconds since the epoch) the kernel last killed a process of an instance for its memory, and why."""

    when: float
    why: str

    def describe(self) -> str:
        """Both in words."""
        return f"{self.why} ({time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(self.when))})"


def last(app: App, instances: Sequence[str]) -> dict[str, Kill]:
    """The last kill of each instance since it was started with its present launch, if there was one."""
    if not instances:
        return {}
    since = {start.instance: start.when for start in starts.all_starts(app)}
    times = parse(_journal(*(f"UNIT={app.unit(name)}" for name in instances)))
    killed = {name: times.get(app.unit(name), 0) for name in instances}
    return {name: Kill(when, _why(app, name)) for name, when in killed.items() if when and when >= since.get(name, 0)}


def of(unit: str, state: UnitState) -> bool:
    """Whether the kernel killed a process of this start of a unit for its memory."""
    journal.sync()
    return state.result == "oom-kill" or bool(
        state.invocation and parse(_journal(f"UNIT={unit}", f"INVOCATION_ID={state.invocation}"))
    )


def since(unit: str, began: float) -> bool:
    """Whether the kernel has killed a process of a unit for its memory since a time (in seconds since the epoch)."""
    journal.sync()
    return parse(_journal(f"UNIT={unit}")).get(unit, 0) >= began


def parse(lines: Iterable[str]) -> dict[str, float]:
    """When the last of these lines was written about each unit, in seconds since the epoch.

    Args:
        lines: One JSON object each, as ``journalctl --output=json`` prints them.
    """
    times: dict[str, float] = {}
    for line in lines:
        entry = json.loads(line)
        unit, when = str(entry.get("UNIT", "")), int(entry.get("__REALTIME_TIMESTAMP", 0)) / 1e6
        times[unit] = max(when, times.get(unit, 0))
    return times


def _why(app: App, instance: str) -> str:
    launch = launch_file.read(app.launch(instance))
    return limits.exceeded("web" if instance in SLOTS else instances.process(instance), launch.memory if launch else 0)


def _journal(*matches: str) -> list[str]:
    # Only systemd itself: an app could write the same fields.
    found = ["_PID=1", f"MESSAGE_ID={MESSAGE}", *matches]
    argv = ["journalctl", *found, "--lines", str(MOST), "--output=json", "--no-pager", "--quiet"]
    return sh.run(argv, timeout=10).out.splitlines()
