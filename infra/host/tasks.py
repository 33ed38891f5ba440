"""Runs an app's own code (builds, hooks, the ``release:`` process) as the app's user in a sandboxed transient unit."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from . import explain, files, launches, say, sh, space, systemd, units
from .failure import Failure
from .layout import LAUNCHER, App

KEPT_LINES = 12
EXPLAINED_LINES = 4
"""The last lines that are shown where the cause has been found in all of them."""
MOST_LINES = 20_000
"""Lines of output in which ``Task.explain`` looks for the cause."""
LONGEST_READ = 65536
SHOWN_WIDTH = 1000
"""Characters that are shown of a line. Secrets are masked before it is cut, or half of one might be left."""
MOST_SHOWN = 200_000
"""Characters of a task's output that are told as progress; more would only fill the stack's state."""
INSTALLED = re.compile(r" \+ (\S+==\S+)( \(from .*\))?")
"""One of the lines in which uv lists what it installed."""

DISK_FULL = ("No space left on device", "os error 28", "Errno 28", "ENOSPC", "Disk quota exceeded")

STOP_WITH_US = 'trap "systemctl stop $0; exit 1" TERM; "$@" & wait $!'
"""Runs systemd-run and stops the unit where SIGTERM says that we are gone: systemd would let it run to its end."""


@dataclass(frozen=True)
class Task:
    """One run: ``argv`` in ``cwd`` with ``env``, at most ``limit`` seconds; ``name`` is for people.

    ``explain`` finds the cause of a failure in what was printed.
    """

    name: str
    argv: list[str]
    cwd: Path
    env: dict[str, str]
    writable: tuple[Path, ...] = ()
    limit: float = 600
    explain: Callable[[Sequence[str]], str] | None = None


class Progress:
    """Tells a task's output line by line, but what uv installed in one line: Pulumi shows each line twice.

    What comes after uv has given up at a package is not told here, for the report of the failure ends with it.
    """

    def __init__(self) -> None:
        self.packages: list[str] = []
        self.failed = False
        self.left = MOST_SHOWN

    def add(self, line: str) -> None:
        """Tell a line, now or together with the next ones."""
        if self.failed or self.left < 0:
            return
        self.left -= len(line) + 1
        if self.left < 0:
            say.detail("[more output is not shown]")
            return
        self.failed = bool(explain.FAILED.match(line.strip()))
        if match := INSTALLED.fullmatch(line):
            self.packages.append(match[1])
            return
        self.end()
        say.detail(line)

    def end(self) -> None:
        """Tell what is left."""
        if self.packages:
            say.detail(f" + {', '.join(self.packages)}")
        self.packages = []


def run(app: App, task: Task) -> None:
    """Run a task to its end, its output as progress. Any exit status but 0 is a Failure with its last lines."""
    unit = app.task("task")
    stop_leftover(app)
    files.directory(app.task_launch.parent, 0o700)
    files.write(
        app.task_launch,
        launches.text({"argv": task.argv, "cwd": str(task.cwd), "env": task.env, "background": True}),
        0o600,
    )
    properties = [
        *units.task_properties(app, tuple(str(path) for path in task.writable), task.limit),
        *units.spare_core(os.sched_getaffinity(0)),
    ]
    began = time.monotonic()
    lines: deque[str] = deque(maxlen=MOST_LINES)
    shown = Progress()
    least = files.free_bytes(app.home)
    process = subprocess.Popen(
        [
            *sh.bound(["/bin/sh", "-c", STOP_WITH_US, unit]),
            *("systemd-run", "--pipe", "--wait", "--collect", "--quiet", f"--unit={unit}"),
            *(f"--property={value}" for value in properties),
            *("/usr/bin/python3", "-IS", str(LAUNCHER)),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        for line in read_lines(process.stdout):
            least = min(least, files.free_bytes(app.home))
            lines.append(line)
            shown.add(line)
        shown.end()
        code = process.wait()
    except BaseException:
        stop_leftover(app)
        process.wait()
        raise
    finally:
        app.task_launch.unlink(missing_ok=True)
    if not code:
        return
    least = min(least, files.free_bytes(app.home))
    said = any(sign in line for line in lines for sign in DISK_FULL)
    if least < 1_000_000 or (said and least < space.LITTLE):
        free = files.free_bytes(app.home) // 10**6
        raise space.NoSpace(*report(lines, f"{task.name} failed: the disk is full ({free} MB free at {app.home})."))
    reason = _reason(task, code, time.monotonic() - began)
    cause = task.explain(list(lines)) if task.explain else ""
    kept = EXPLAINED_LINES if cause else KEPT_LINES
    raise Failure(*report(lines, f"{task.name} failed: {reason}. {cause}".strip(), kept))


def read_lines(stream: IO[bytes]) -> Iterator[str]:
    """The lines of a stream as they come, without secrets; of a long one the beginning, for it may never end."""
    while raw := stream.readline(LONGEST_READ):
        rest = raw
        while len(rest) == LONGEST_READ and not rest.endswith(b"\n"):
            rest = stream.readline(LONGEST_READ)
        line = say.redactor.clean(raw.decode(errors="replace").rstrip())
        yield line if len(line) <= SHOWN_WIDTH else f"{line[:SHOWN_WIDTH]} [...]"


def report(lines: Iterable[str], cause: str, kept: int = KEPT_LINES) -> tuple[str, str]:
    """What a person is told of a failed task, the cause last, and the cause alone."""
    last = [f"  {line}" for line in [line for line in lines if line.strip()][-kept:]]
    return "\n".join([*(["The output ends so:", *last] if last else []), cause]), cause


def stop_leftover(app: App) -> None:
    """Stop a task that an interrupted deployment left running."""
    unit = app.task("task")
    if systemd.state(unit)["ActiveState"] not in ("inactive", "failed"):
        sh.run(["systemctl", "stop", unit])
    sh.run(["systemctl", "reset-failed", unit])


def _reason(task: Task, code: int, took: float) -> str:
    if took >= task.limit:
        return f"no end after {task.limit:g} s, stopped"
    if code == 127:
        return "exit status 127: the command was not found (is it among the app's dependencies?)"
    return f"exit status {code}"
