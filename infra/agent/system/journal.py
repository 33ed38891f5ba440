"""What units wrote to systemd's journal."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from infra.agent.system import sh
from infra.agent.system.unit_state import UnitState


def sync() -> None:
    """Wait until the journal has everything that was written until now."""
    sh.run(["journalctl", "--sync"], timeout=10)


def tail(unit: str, state: UnitState | None = None, lines: int = 20) -> list[str]:
    """The last lines that a unit wrote.

    Args:
        unit: The unit.
        state: Its state, which says which start of it wrote them; None for any start.
        lines: How many at most.
    """
    sync()
    if not state or not state.invocation:
        return _journal("--unit", unit, lines=lines)
    # Of a process that ended at once the journal may know only the unit, and not which start of it wrote a line. One
    # start may have both: gunicorn's master lives longer than the worker whose traceback tells the cause.
    start = f"_SYSTEMD_INVOCATION_ID={state.invocation}"
    if not state.started:
        return messages(_journal(start, lines=lines, output="json"))[-lines:]
    # What else the unit wrote is older than this start, so the last lines of both are the last lines of this start.
    entries = _journal(start, "+", f"_SYSTEMD_UNIT={unit}", lines=lines, output="json")
    own = [text for text in entries if json.loads(text).get("_SYSTEMD_INVOCATION_ID") == state.invocation]
    return messages([*own, *unclaimed(entries, state.started)])[-lines:]


def now() -> int:
    """The moment of which ``since`` can be asked: microseconds since boot."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def since(unit: str, began: int, lines: int) -> list[str]:
    """The last lines that a unit wrote since a moment, by whichever start of it: systemd may have tried twice.

    Args:
        unit: The unit.
        began: What ``now`` said then.
        lines: How many at most.
    """
    sync()
    entries = _journal(f"_SYSTEMD_UNIT={unit}", lines=lines, output="json")
    return messages([text for text in entries if int(json.loads(text).get("__MONOTONIC_TIMESTAMP", 0)) >= began])


def unclaimed(entries: Sequence[str], began: int) -> list[str]:
    """The entries since a time that do not say to which start of the unit they belong.

    Args:
        entries: One JSON object each, as ``journalctl --output=json`` prints them.
        began: When this start began, in microseconds since boot. Seconds would not do: the slot's previous process may
            have written its last line in the same second.
    """
    return [
        text
        for text in entries
        if "_SYSTEMD_INVOCATION_ID" not in (entry := json.loads(text))
        and int(entry.get("__MONOTONIC_TIMESTAMP", 0)) >= began
    ]


def messages(entries: Sequence[str]) -> list[str]:
    """The messages of entries in the order in which they were written.

    Args:
        entries: One JSON object each, as ``journalctl --output=json`` prints them.
    """
    parsed = sorted(
        (json.loads(text) for text in entries), key=lambda entry: int(entry.get("__MONOTONIC_TIMESTAMP", 0))
    )
    return [line for entry in parsed for line in _message(entry.get("MESSAGE")).split("\n")]


def _message(message: object) -> str:
    """A message as text: what is not UTF-8 comes as a list of bytes."""
    return bytes(message).decode(errors="replace") if isinstance(message, list) else str(message or "")


def _journal(*matches: str, lines: int, output: str = "cat") -> list[str]:
    argv = ["journalctl", *matches, "--lines", str(lines), "--output", output, "--all", "--no-pager", "--quiet"]
    return sh.run(argv).out.splitlines()
