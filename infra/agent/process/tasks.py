"""Runs an app's own code (builds, hooks, the ``release:`` process) as the app's user in a sandboxed transient unit."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from infra.agent.process import explain, limits, memory_kills, units
from infra.agent.process.launch_file import Launch
from infra.agent.system import files, say, sh, space, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.layout import LAUNCHER, App

KEPT_LINES = 12
"""The last lines of the output that a report shows if the cause was not found in it."""
EXPLAINED_LINES = 4
"""Lines that are shown if the cause was found in the output."""
MOST_LINES = 20_000
"""Lines of output that ``Task.explain`` searches for the cause."""
LONGEST_READ = 65536
"""Bytes of a line that are read at once; the rest of a longer one is dropped."""
SHOWN_WIDTH = 1000
"""Characters of a line that are shown. Secrets are masked before it is cut, or half of one might remain."""
MOST_SHOWN = 200_000
"""Characters of a task's output that are printed as progress; more would only fill the stack's state."""
INSTALLED = re.compile(r" \+ (\S+==\S+)( \(from .*\))?")
"""A line in which uv names a package that it installed."""

DISK_FULL = ("No space left on device", "os error 28", "Errno 28", "ENOSPC", "Disk quota exceeded")

KILLED = 128 + signal.SIGKILL
"""The exit status that a shell gives a command that was killed. Source: bash(1), EXIT STATUS."""
STOP_WITH_US = 'trap "systemctl stop $0; exit 1" TERM; "$@" & wait $!'
"""Runs systemd-run, and stops the unit on SIGTERM, which says that we are gone: systemd would let it run to its end."""


@dataclass(frozen=True)
class Task:
    """One run of the app's own code.

    Attributes:
        name: What a person calls it, at the beginning of a sentence.
        argv: The program and its arguments.
        cwd: The directory it runs in.
        env: Its whole environment.
        writable: The directories that it may write to.
        limit: Seconds that it may take.
        limited_by: The config key that sets ``limit``; empty if none does.
        explain: Finds the cause of a failure in the lines it printed; returns an empty text if it finds none.
        shares_tmp: Whether its /tmp is that of the app's processes.
        memory: The most memory in bytes that it may take; 0 for what every task may take.
    """

    name: str
    argv: list[str]
    cwd: Path
    env: dict[str, str]
    writable: tuple[Path, ...] = ()
    limit: float = 600
    limited_by: str = ""
    explain: Callable[[Sequence[str]], str] | None = None
    shares_tmp: bool = True
    memory: int = 0


class Progress:
    """Prints a task's output line by line, but the packages that uv installed in one: Pulumi shows each line twice.

    What uv prints after it has failed at a package is left to the report of the failure.
    """

    def __init__(self) -> None:
        """Begin with nothing printed."""
        self.packages: list[str] = []
        self.failed = False
        self.left = MOST_SHOWN

    def add(self, line: str) -> None:
        """Print a line, now or together with the next ones."""
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
        """Print what is left."""
        if self.packages:
            say.detail(f" + {', '.join(self.packages)}")
        self.packages = []


def run(app: App, task: Task) -> None:
    """Run a task to its end, with its output as progress.

    Raises:
        Failure: Its exit status is not 0 or it took too long; with its last lines and the cause.
        NoSpace: The disk was full.
    """
    unit = app.task("task")
    stop_leftover(app)
    files.directory(app.task_launch.parent, 0o700)
    files.write(
        app.task_launch,
        Launch(tuple(task.argv), str(task.cwd), task.env, background=True).text(),
        0o600,
    )
    tmp = units.shared_tmp(app) if task.shares_tmp else units.OWN_TMP
    properties = [
        *units.task_properties(app, tuple(str(path) for path in task.writable), task.limit, tmp),
        *([f"MemoryMax={task.memory}"] if task.memory else []),
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
    reported = any(sign in line for line in lines for sign in DISK_FULL)
    if least < 1_000_000 or (reported and least < space.LITTLE):
        free = files.free_bytes(app.home) // 10**6
        raise space.NoSpace(*report(lines, f"{task.name} failed: the disk is full ({free} MB free at {app.home})."))
    took = time.monotonic() - began
    killed = memory_kills.since(unit, time.time() - took)
    reason = _too_much(task) if killed else ending(task, code, took)
    cause = task.explain(list(lines)) if task.explain else ""
    kept = EXPLAINED_LINES if cause else KEPT_LINES
    raise Failure(*report(lines, f"{task.name} failed: {reason}. {cause}".strip(), kept))


def read_lines(stream: IO[bytes]) -> Iterator[str]:
    """The lines of a stream as they come, without secrets; only the beginning of a long one, which may never end."""
    while raw := stream.readline(LONGEST_READ):
        rest = raw
        while len(rest) == LONGEST_READ and not rest.endswith(b"\n"):
            rest = stream.readline(LONGEST_READ)
        line = say.redactor.clean(raw.decode(errors="replace").rstrip())
        yield line if len(line) <= SHOWN_WIDTH else f"{line[:SHOWN_WIDTH]} [...]"


def report(lines: Iterable[str], cause: str, kept: int = KEPT_LINES) -> tuple[str, str]:
    """The report on a failed task.

    Args:
        lines: What it printed.
        cause: Why it failed.
        kept: How many of the last lines are shown.

    Returns:
        The text with the cause last, and the cause alone.
    """
    last = [f"  {line}" for line in [line for line in lines if line.strip()][-kept:]]
    return "\n".join([*(["The output ends with:", *last] if last else []), cause]), cause


def stop_leftover(app: App) -> None:
    """Stop a task that an interrupted deployment left running."""
    unit = app.task("task")
    state = systemd.state(unit)
    if not state.is_stopped:
        sh.run(["systemctl", "stop", unit])
    if not state.is_gone:
        sh.run(["systemctl", "reset-failed", unit])


def _too_much(task: Task) -> str:
    if task.memory:
        return f"it {limits.exceeded('release', task.memory)}"
    return "it was killed because it took more memory than three quarters of what the machine has"


def ending(task: Task, code: int, took: float) -> str:
    """How a task that failed after ``took`` seconds ended, in words."""
    if took >= task.limit:
        more = f"; to allow more, set {task.limited_by}" if task.limited_by else ""
        return f"it did not end within {task.limit:g} s{more}"
    if code == 127:
        return "exit status 127: the command was not found (is it among the app's dependencies? launchpad:pip adds one)"
    if code == KILLED:
        return f"exit status {code}: a process was killed (signal 9), as the kernel does where memory runs out"
    return f"exit status {code}"
