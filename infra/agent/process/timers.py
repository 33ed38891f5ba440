"""The scheduled jobs of an app on the machine: a timer of systemd for each, and one template of a unit for all.

A job runs as the other processes do, but to its end. systemd starts no unit twice: a run that is due while the one
before goes on begins right after it, and missed ones are made up for by one.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.agent.process import calendars, exchange, launch_file, run_launch, units
from infra.agent.process.launch_file import Launch
from infra.agent.system import files, instances, layout, sh, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.layout import JOB_RECORDER, App
from infra.protocol import schedules

STAMPS = Path("/var/lib/systemd/timers")
"""Where systemd notes, in the time of a file, when a timer started its unit last. Source: systemd.timer(5)."""
SCHEDULE = re.compile(r"^Schedule=(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Job:
    """A scheduled job as it is, or should be, on the machine.

    Attributes:
        schedule: When it runs, as cron has it.
        launch: How its next run starts; None where its launch file is missing.
    """

    schedule: str
    launch: Launch | None


def service(app: App, stop_timeout: float) -> str:
    """The template unit of all jobs: that of the other processes, but a job ends, and its end is written down.

    Args:
        app: The app.
        stop_timeout: Seconds that a job may take to stop after SIGTERM.
    """
    instead = {
        "Description": f"{app.name} (cron.%i)",
        "LoadCredential": f"launch:{app.launches}/{instances.job('%i')}.json",
        "Restart": "no",
        "SyslogIdentifier": f"{app.name}-{instances.process(instances.job('%i'))}",
    }
    text, _, _ = units.template(app, stop_timeout).partition("\n[Install]")
    lines = [f"{key}={instead[key]}" if (key := line.split("=")[0]) in instead else line for line in text.splitlines()]
    recorder = f"ExecStopPost=+/usr/bin/python3 -IS {JOB_RECORDER} %n {app.jobs}/%i.json"
    return "\n".join([*lines, recorder, ""])


def timer(app: App, name: str, schedule: str) -> str:
    """The timer of a job: exact, as cron is, and it makes up for what it missed while the machine was down.

    Args:
        app: The app.
        name: The job.
        schedule: When it runs.
    """
    times = "".join(f"OnCalendar={each}\n" for each in calendars.calendars(schedules.parse(schedule)))
    return f"""\
# Written by launchpad-agent; changes are overwritten by the next deployment.
[Unit]
Description={app.name} ({instances.process(instances.job(name))}: {schedule})

[Timer]
{times}AccuracySec=1us
Persistent=yes

[Install]
WantedBy=timers.target

[X-Launchpad]
Schedule={schedule}
"""


def installed(app: App) -> dict[str, Job]:
    """The jobs that have a timer, by name."""
    prefix = app.job_template.stem
    found = {}
    for path in sorted(layout.UNITS.glob(f"{prefix}*.timer")):
        name = path.stem.removeprefix(prefix)
        schedule = SCHEDULE.search(path.read_text(encoding="utf-8"))
        found[name] = Job(schedule[1] if schedule else "", launch_file.read(app.launch(instances.job(name))))
    return found


def right(app: App, jobs: Mapping[str, Job]) -> bool:
    """Whether just these jobs are on the machine, as they should be, and their timers run."""
    if installed(app) != jobs:
        return False
    paths = [app.timer(name) for name in jobs]
    with contextlib.suppress(OSError):
        same = all(app.timer(name).read_text() == timer(app, name, job.schedule) for name, job in jobs.items())
        links = all((systemd.TIMERS / path.name).readlink() == path for path in paths)
        return same and links and systemd.active_as_written(*(path.name for path in paths)) == set(names(app, jobs))
    return False


def names(app: App, jobs: Iterable[str]) -> list[str]:
    """The names of jobs' timers."""
    return [app.timer(job).name for job in jobs]


def install(app: App, jobs: Mapping[str, Job], stop_timeout: float, *, anew: bool = True) -> None:
    """Have jobs run by these schedules and launches from now on. A run that is under way goes on as it began.

    A timer whose schedule stays is left alone, so that no run is lost or doubled.

    Args:
        app: The app.
        jobs: The jobs, by name. Others stay as they are.
        stop_timeout: Seconds that a job may take to stop after SIGTERM.
        anew: Whether a changed schedule counts from now on; otherwise, as it did before.
    """
    if not jobs:
        return
    files.directory(app.jobs, 0o700)
    for name, job in jobs.items():
        if job.launch and launch_file.read(app.launch(instances.job(name))) != job.launch:
            launch_file.write(app, instances.job(name), job.launch)
    timers = names(app, jobs)
    same = systemd.active_as_written(*timers)
    template = files.write(app.job_template, service(app, stop_timeout))
    for name, job in jobs.items():
        if files.write(app.timer(name), timer(app, name, job.schedule)):
            same.discard(app.timer(name).name)
        systemd.enable(app.timer(name).name, app.timer(name), systemd.TIMERS)
    changed = [each for each in timers if each not in same]
    if template or changed:
        systemd.reload()
    for each in changed if anew else ():
        # Otherwise systemd would make up for the times that the new schedule had in the past.
        with contextlib.suppress(FileNotFoundError):
            os.utime(STAMPS / f"stamp-{each}")
    if changed:
        systemd.restart(*changed)


def remove(app: App, name: str) -> None:
    """Have a job run no more. A run that is under way goes on to its end."""
    path = app.timer(name)
    systemd.stop(path.name)
    systemd.disable(path.name, systemd.TIMERS)
    files.remove_tree(path)
    systemd.reload()
    files.remove_tree(app.launch(instances.job(name)))
    (STAMPS / f"stamp-{path.name}").unlink(missing_ok=True)


def run_now(app: App, name: str) -> str:
    """Run a job now, apart from its schedule.

    Returns:
        What a person is told.

    Raises:
        Failure: There is no such job, or it could not be started.
    """
    jobs = installed(app)
    name = name.removeprefix("cron.")
    if name not in jobs:
        raise Failure(f"There is no job {name}; there are {', '.join(jobs) or 'none'}.")
    unit, label = app.unit(instances.job(name)), instances.process(instances.job(name))
    if not systemd.state(unit).is_stopped:
        return f"{label} is running already. Its log: launchpad logs --process {label}"
    with run_launch.settled(app):
        exchange.refuse(app)
        sh.run(["systemctl", "start", unit], doing=f"Starting {label}")
    return f"{label} has started. Its log: launchpad logs --process {label}"


def settle(app: App, seconds: float = 10) -> None:
    """Wait until each run that has begun has its launch, so that it says which release it uses."""
    until = time.monotonic() + seconds
    services = [app.unit(instances.job(name)) for name in installed(app)]
    while any(state.active == "activating" for state in systemd.states(*services).values()):
        if time.monotonic() > until:
            return
        time.sleep(0.02)
