"""The machine's record of the commands of ``run``, apart from that of deployments: what decides by those sees no run.

One JSON object a line, only ever appended to: ``begin`` by the agent, ``note`` where the agent knows why a command
ends, ``end`` by systemd (see record_shim.py).
"""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass

from infra.agent.process import run_launch
from infra.agent.release import history
from infra.agent.release.history import Entry
from infra.agent.system.files import Json
from infra.agent.system.layout import App
from infra.common.printable import one_line

NOT_STARTED = "it could not be started"
REASONS = {
    "timeout": "it ran for as long as a command may, and was stopped",
    "oom-kill": "it used more memory than it may, and was killed",
}
"""What systemd's results (systemd.exec(5), SERVICE_RESULT) mean here."""


@dataclass(frozen=True)
class Run:
    """One command.

    Attributes:
        command: The command line, without secrets.
        when: When it began, in seconds since the epoch.
        seconds: How long it took; None if that is not known.
        result: ok, failed, interrupted or running.
        reason: Why it is not ok; empty if it is.
        exit_status: As a shell says it: 128 and the signal's number if a signal ended it. None until it has ended.
    """

    number: int
    release: str
    revision: str
    command: str
    when: float
    who: str
    seconds: float | None
    result: str
    reason: str
    exit_status: int | None

    def entry(self) -> Entry:
        """The command as an entry of the history, where it stands among the deployments."""
        return Entry(
            number=self.number,
            release=self.release,
            revision=self.revision,
            subject=self.command,
            when=self.when,
            who=self.who,
            seconds=self.seconds,
            result=self.result,
            reason=self.reason,
            what=history.RUN,
        )


def begin(app: App, *, release: str, revision: str, command: str, who: str) -> int:
    """Record that a command begins; returns its number. Only while the runs are ``settled``."""
    number = max((run.number for run in _read(app)), default=0) + 1
    values = {"release": release, "revision": revision, "command": command, "who": who}
    history.append(app.run_history, {"event": "begin", "number": number, "when": time.time(), **values})
    return number


def note(app: App, number: int, reason: str) -> None:
    """Record why a command is about to be ended."""
    history.append(app.run_history, {"event": "note", "number": number, "reason": reason})


def end(app: App, number: int, reason: str) -> None:
    """Record that a command could not be started, so that systemd says nothing of its end."""
    history.append(app.run_history, {"event": "end", "number": number, "ended": time.time(), "reason": reason})


def all_runs(app: App) -> list[Run]:
    """All commands, the oldest first."""
    return _read(app, frozenset(run_launch.under_way(app)))


def exit_status(app: App, number: int) -> int | None:
    """How a command ended; None if that is not known."""
    return next((run.exit_status for run in _read(app) if run.number == number), None)


def _read(app: App, running: frozenset[int] = frozenset()) -> list[Run]:
    try:
        return parse(app.run_history.read_text(encoding="utf-8", errors="replace"), running)
    except FileNotFoundError:
        return []


def parse(text: str, running: frozenset[int] = frozenset()) -> list[Run]:
    """The commands in a record.

    Args:
        text: The record; a line that was cut off is passed over.
        running: The numbers of the commands that are under way.
    """
    return [_run(value, running) for value in history.events(text)]


def _run(value: Json, running: frozenset[int]) -> Run:
    ended = "ended" in value  # a note may be written after the end
    number, began = int(value["number"]), float(value.get("when", 0))
    status = status_of(str(value.get("exit_code", "")), str(value.get("exit_status", ""))) if ended else None
    noted = one_line(str(value.get("reason", "")))
    result = "ok" if status == 0 else "failed"
    if not ended:
        result = "running" if number in running else "interrupted"
    elif noted and status is not None:
        result = "interrupted"
    reason = "" if result == "ok" or not ended else noted or _reason(value, status)
    return Run(
        number=number,
        release=str(value.get("release") or "-"),
        revision=str(value.get("revision", "")),
        command=one_line(str(value.get("command", ""))),
        when=began,
        who=one_line(str(value.get("who", ""))),
        seconds=round(float(value["ended"]) - began, 2) if ended else None,
        result=result,
        reason=reason,
        exit_status=status,
    )


def status_of(exit_code: str, exit_status: str) -> int | None:
    """A command's exit status as a shell says it, of systemd's EXIT_CODE and EXIT_STATUS (systemd.exec(5))."""
    if exit_code == "exited" and exit_status.isdigit():
        return int(exit_status)
    if exit_code in ("killed", "dumped"):
        number = signal.Signals.__members__.get(f"SIG{exit_status}")
        return 128 + number if number else 255
    return None


def _reason(value: Json, status: int | None) -> str:
    """Why a command is not ok, in words."""
    if status is None:
        return NOT_STARTED
    by_signal = f"it was killed by SIG{value['exit_status']}" if value["exit_code"] != "exited" else ""
    return REASONS.get(str(value.get("service_result")), by_signal or f"exit status {status}")


def describe(run: Run) -> str:
    """A command that is under way, in words."""
    when = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(run.when))
    return f"{run.command} by {run.who} since {when} (run.{run.number}, {run.release})"
