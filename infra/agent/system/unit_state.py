"""The state of a systemd unit, as ``systemctl show`` prints it. Pure."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone

PROPERTIES = (
    *("ActiveState", "SubState", "Result", "ExecMainCode", "ExecMainStatus", "MainPID", "NRestarts", "InvocationID"),
    *("ControlGroup", "ExecMainStartTimestampMonotonic"),
)
"""What is asked for, by systemd's names. Source: org.freedesktop.systemd1(5)."""
JUST_STARTED = 10.0
"""Seconds after a restart in which a process that was restarted before counts as ending again and again."""
ENDINGS = {1: "exited with status", 2: "was killed by signal", 3: "was killed (core dumped) by signal"}
"""What the codes of ``ExecMainCode`` mean. Source: waitid(2), CLD_EXITED, CLD_KILLED and CLD_DUMPED."""


@dataclass(frozen=True)
class UnitState:
    """A unit at one moment.

    Attributes:
        active: The state that matters: active, reloading, inactive, failed, activating or deactivating.
        sub: The same in more detail, such as running or auto-restart.
        result: success, or why the unit failed, such as exit-code or timeout.
        end_code: How the main process ended (see ``ENDINGS``); 0 if it did not.
        end_status: Its exit status, or the signal that ended it.
        main_pid: The id of the main process; 0 if there is none.
        restarts: How often systemd has restarted the main process.
        invocation: The id of this start of the unit, by which the journal marks its lines.
        control_group: The path of its control group; empty if it has none.
        started: When its main process started, in microseconds since boot; 0 if none ever did.
    """

    active: str = ""
    sub: str = ""
    result: str = ""
    end_code: int = 0
    end_status: int = 0
    main_pid: int = 0
    restarts: int = 0
    invocation: str = ""
    control_group: str = ""
    started: int = 0

    @property
    def is_stopped(self) -> bool:
        """Whether nothing of the unit runs, and nothing is about to."""
        return self.active in ("inactive", "failed")

    @property
    def is_gone(self) -> bool:
        """Whether systemd keeps nothing of the unit that could be in the way of starting it; so of one it forgot."""
        return self.active == "inactive"

    @property
    def is_running(self) -> bool:
        """Whether its main process runs."""
        return self.active in ("active", "reloading") and self.main_pid != 0

    @property
    def has_ended(self) -> bool:
        """Whether its main process has ended by itself, even if systemd starts another in a moment."""
        return self.sub.startswith("auto-restart") or self.active == "failed"

    @property
    def started_at(self) -> float:
        """When its main process started, in seconds of ``time.monotonic``; 0 if none ever did."""
        return self.started / 1e6

    def is_looping(self) -> bool:
        """Whether its main process ends again and again."""
        restarted = self.restarts > 0 and time.monotonic() - self.started_at < JUST_STARTED
        return self.has_ended or restarted

    def ending(self) -> str:
        """How its main process ended, in words; empty if it did not."""
        return f"{ENDINGS[self.end_code]} {self.end_status}" if self.end_code in ENDINGS else ""

    def describe(self) -> str:
        """The state in words: what runs, or how it ended."""
        text = f"{self.active} ({self.sub})"
        if ending := self.ending():
            text += f", its main process {ending}"
        if self.result not in ("", "success"):
            text += f", result {self.result}"
        if self.restarts:
            text += f", restarted {self.restarts} times"
        return text


def parse(shown: str) -> dict[str, UnitState]:
    """The states of units by name, as ``systemctl show`` prints them: an empty line between two units."""
    return {values["Id"]: _state(values) for values in blocks(shown) if "Id" in values}


def blocks(shown: str) -> list[dict[str, str]]:
    """The properties of each unit, as ``systemctl show`` prints them: an empty line between two units."""
    return [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in shown.split("\n\n")]


def utc(shown: str) -> float | None:
    """A time such as ``Fri 2026-11-27 03:00:00 UTC`` in seconds since the epoch; None for any other text."""
    try:
        return (
            datetime.strptime(shown.partition(" ")[2], "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=timezone.utc).timestamp()
        )
    except ValueError:
        return None


def _state(values: dict[str, str]) -> UnitState:
    def number(name: str) -> int:
        return int(values.get(name) or 0)

    return UnitState(
        active=values.get("ActiveState", ""),
        sub=values.get("SubState", ""),
        result=values.get("Result", ""),
        end_code=number("ExecMainCode"),
        end_status=number("ExecMainStatus"),
        main_pid=number("MainPID"),
        restarts=number("NRestarts"),
        invocation=values.get("InvocationID", ""),
        control_group=values.get("ControlGroup", ""),
        started=number("ExecMainStartTimestampMonotonic"),
    )
