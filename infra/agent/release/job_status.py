"""What people ask about scheduled jobs: when each ran last and how that went, whether it runs now, and when it will."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from infra.agent.process import launch_file, starts, timers
from infra.agent.process.starts import Start
from infra.agent.release import run_history
from infra.agent.system import files, instances, systemd
from infra.agent.system.files import Json
from infra.agent.system.layout import App


class LastRun(TypedDict):
    """How a job ended last.

    ``when`` is its start, in seconds since the epoch; ``result`` is ok, failed or stopped; ``failures`` counts those in
    a row.
    """

    when: float
    seconds: float
    result: str
    reason: str
    release: str
    failures: int


class ScheduledJob(TypedDict):
    """A job: its schedule, the command and the release of its next run, and its last one; ``next`` is when it runs.

    ``running`` is the release of the run that is under way, ``since`` its start. Times are in seconds since the epoch;
    what is not known is None.
    """

    schedule: str
    command: str | None
    release: str | None
    next: float | None
    running: str | None
    since: float | None
    last: LastRun | None


@dataclass(frozen=True)
class Ending:
    """How a run ended: ok, failed or stopped, and why."""

    result: str
    reason: str


def ending(record: Json) -> Ending:
    """How a run ended, by what systemd said of it (see record_job_shim.py)."""
    result, code, status = (str(record.get(key, "")) for key in ("service_result", "exit_code", "exit_status"))
    if result == "success":
        return Ending("ok", "") if code == "exited" else Ending("stopped", "it was stopped")
    if result in run_history.REASONS:
        return Ending("failed", run_history.REASONS[result])
    number = run_history.status_of(code, status)
    if number is None:
        return Ending("failed", run_history.NOT_STARTED)
    return Ending("failed", f"exit status {status}" if code == "exited" else f"it was killed by SIG{status}")


def last_run(record: Json, starts_known: list[Start], instance: str) -> LastRun | None:
    """The last run of a job; None if its record is damaged.

    Args:
        record: What was written down of its end.
        starts_known: What starts are known, which tell its release.
        instance: The job's instance.
    """
    try:
        when, ended, failures = float(record["started"]), float(record["ended"]), int(record["failures"])
    except (KeyError, TypeError, ValueError):
        return None
    how = ending(record)
    return LastRun(
        when=when,
        seconds=round(ended - when, 1),
        result=how.result,
        reason=how.reason,
        release=starts.release_of(starts_known, instance, when, str(record.get("invocation", ""))),
        failures=failures,
    )


def jobs(app: App) -> dict[str, ScheduledJob]:
    """All scheduled jobs, by name."""
    installed = timers.installed(app)
    coming = systemd.next_elapse(*timers.names(app, installed))
    units = {name: app.unit(instances.job(name)) for name in installed}
    states = systemd.states(*units.values())
    noted = starts.all_starts(app)
    found = {}
    for name, job in installed.items():
        instance = instances.job(name)
        running = launch_file.started(app, instance) if states[units[name]].is_running else None
        record = files.read_json(app.jobs / f"{name}.json")
        found[name] = ScheduledJob(
            schedule=job.schedule,
            command=job.launch.command if job.launch else None,
            release=job.launch.release if job.launch else None,
            next=coming.get(app.timer(name).name),
            running=running.release if running else None,
            since=_wall(states[units[name]].started_at) if running else None,
            last=last_run(record, noted, instance) if record else None,
        )
    return found


def _wall(monotonic: float) -> float:
    """The time in seconds since the epoch of a ``time.monotonic``."""
    return time.time() - time.monotonic() + monotonic


def lines(found: Mapping[str, ScheduledJob]) -> list[str]:
    """All jobs for people."""
    return [f"  {instances.process(instances.job(name)):12} {line(name, job)}" for name, job in found.items()]


def line(name: str, job: ScheduledJob) -> str:
    """A job for people, in one line."""
    parts = []
    last = job["last"]
    if job["running"]:
        parts.append(f"running since {_time(job['since'])} ({job['running']})")
    if last:
        often = f", {last['failures']} times in a row" if last["failures"] > 1 else ""
        why = f": {last['reason']}{often}" if last["reason"] else ""
        parts.append(f"last {_time(last['when'])}, {last['result']} after {_duration(last['seconds'])}{why}")
    elif not job["running"]:
        parts.append("has not run yet")
    if job["next"]:
        parts.append(f"next {_time(job['next'])}")
    if last and last["result"] == "failed":
        parts.append(f"see launchpad logs --process {instances.process(instances.job(name))}")
    return f"{job['schedule']}  {'; '.join(parts)}"


def _time(when: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when))


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:g} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
