"""The Procfile: which processes and scheduled jobs an app has.

The grammar of processes is Heroku's, that of jobs is ``cron.NAME: SCHEDULE COMMAND`` or piku's ``cron: SCHEDULE
COMMAND``; bash runs the commands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from infra.app_model.files import AppError
from infra.protocol import schedules, values
from infra.protocol.app_settings import CronJob
from infra.protocol.refusal import Refusal

CRON = "cron"
LINE = re.compile(
    rf"(?:{CRON}\.(?P<job>[A-Za-z0-9_-]+)|(?P<name>[A-Za-z0-9_-]+)):[ \t]*(?P<command>[^ \t].*)", re.DOTALL
)
LONGEST_SHOWN = 100
LONGEST_NAME = 100
"""Characters: unit names of systemd have 255 at most, with the app's name in them, and so have file names."""
MOST = 100
"""Processes and jobs together. Each is a unit of the machine's systemd, which serves other apps, too."""
MOST_SHOWN = 20
"""Mistakes that are told."""


@dataclass
class Procfile:
    """What a Procfile says.

    Attributes:
        processes: The command of each process by its name, in order.
        jobs: The scheduled jobs by name, in order.
        mistakes: The lines that are not right.
    """

    processes: dict[str, str] = field(default_factory=dict)
    jobs: dict[str, CronJob] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)

    def read(self, number: int, line: str) -> None:
        """Read a line that is no comment and not empty."""
        match = LINE.fullmatch(line)
        if not match:
            self.mistakes.append(f'line {number} is {_shown(line)}; allowed: "name: command"')
            return
        name, command = match["job"] or match["name"], match["command"]
        if len(self.processes) + len(self.jobs) == MOST:
            self.mistakes.append(f"line {number}: there are more than {MOST} processes and jobs")
        elif len(name) > LONGEST_NAME:
            what = f"the name {name[:20]}... is longer than {LONGEST_NAME} characters"
            self.mistakes.append(f"line {number}: {what}")
        elif match["job"] or (name == CRON and schedules.begins(command)):
            self._job(number, match["job"] or self._unused(), command)
        elif name in self.processes:
            self.mistakes.append(f"line {number}: there are two processes called {name}")
        elif allowed := _unusable(command):
            self.mistakes.append(f"line {number}: the command of {name} must be {allowed}")
        else:
            self.processes[name] = command

    def _job(self, number: int, name: str, line: str) -> None:
        if name in self.jobs:
            self.mistakes.append(f"line {number}: there are two jobs called {name}")
            return
        try:
            schedule, command = schedules.split(line)
            self.jobs[name] = CronJob(name, schedule, values.command(command))
        except Refusal as refusal:
            self.mistakes.append(f"line {number}: the job {name} is {_shown(line)}; it must be {refusal}")

    def _unused(self) -> str:
        """The name of a job that has none: cron, cron-2 and so on."""
        names = [CRON, *(f"{CRON}-{number}" for number in range(2, len(self.jobs) + 2))]
        return next(name for name in names if name not in self.jobs)


def read(text: str) -> Procfile:
    """The processes and jobs of a Procfile.

    Raises:
        AppError: All lines that are neither a process, nor a job, nor a comment, nor empty.
    """
    found = Procfile()
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip(" \t\r")
        if line and not line.startswith("#"):
            found.read(number, line)
    if found.mistakes:
        more = [f"and {len(found.mistakes) - MOST_SHOWN} more"] if len(found.mistakes) > MOST_SHOWN else []
        shown = [f"  {mistake}" for mistake in [*found.mistakes[:MOST_SHOWN], *more]]
        raise AppError("\n".join(["Procfile is not right:", *shown]))
    return found


def parse(text: str) -> dict[str, str]:
    """The command of each process by its name, in order.

    Raises:
        AppError: The Procfile has mistakes.
    """
    return read(text).processes


def jobs(text: str) -> dict[str, CronJob]:
    """The scheduled jobs by name, in order.

    Raises:
        AppError: The Procfile has mistakes.
    """
    return read(text).jobs


def _shown(line: str) -> str:
    return repr(line if len(line) <= LONGEST_SHOWN else f"{line[:LONGEST_SHOWN]}...")


def _unusable(command: str) -> str:
    """What is allowed instead of a command line; empty if it is right."""
    try:
        values.command(command)
    except Refusal as refusal:
        return str(refusal)
    return ""
