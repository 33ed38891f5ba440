"""Running other programs, printing progress, and the error that is shown to people."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

STARTED = time.monotonic()
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


class MachineError(Exception):
    """What went wrong, where, and what to do about it; shown verbatim, without a traceback."""


INTERVAL = 2.5
"""Seconds without progress after which the driver repeats its last line."""


class _Progress:
    """The last progress line, and whether to repeat it."""

    last_line = ""
    repeats = False


def repeat_progress() -> None:
    """From now on, repeat the last line of ``progress`` every ``INTERVAL`` seconds without a new one.

    This uses a timer instead of a thread, because only a process with one thread can create a mount namespace.
    """
    _Progress.repeats = True
    signal.signal(signal.SIGALRM, lambda *_: _repeat())


def fall_silent() -> None:
    """Repeat nothing any more: at its end Python takes back the handler, and the timer would end the driver."""
    signal.setitimer(signal.ITIMER_REAL, 0)


def _repeat() -> None:
    line = f"[{time.monotonic() - STARTED:5.1f}s] machine: {_Progress.last_line} (still)\n"
    with contextlib.suppress(OSError):
        os.write(2, line.encode())  # not print: this handler may interrupt print, which is not reentrant


def progress(text: str) -> None:
    """Print a line to stderr, with the seconds since the start."""
    _Progress.last_line = text
    if _Progress.repeats:
        signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)
    with contextlib.suppress(OSError):  # the reader may have been killed; the work continues
        print(f"[{time.monotonic() - STARTED:5.1f}s] machine: {text}", file=sys.stderr, flush=True)


def run(command: Sequence[str | Path], *, stdin: str = "", check: bool = True, keep: int | None = None) -> str:
    """Run a command.

    Args:
        command: The program and its arguments.
        stdin: Text for the command's standard input.
        check: Whether a failure raises an error.
        keep: The descriptor of a lock that the command holds too, even if this driver is killed.

    Returns:
        The command's standard output.

    Raises:
        MachineError: The program is not installed, or ``check`` is set and the command failed; with its last lines.
    """
    argv = [str(argument) for argument in command]
    try:
        completed = subprocess.run(
            argv, input=stdin, capture_output=True, text=True, env=ENVIRONMENT, check=False, pass_fds=held(keep)
        )
    except FileNotFoundError:
        raise MachineError(f"The program {argv[0]} is not installed.") from None
    if check and completed.returncode != 0:
        lines = (completed.stderr.strip() or completed.stdout.strip() or "no output").splitlines()
        raise MachineError(f"{' '.join(argv[:6])} failed (exit {completed.returncode}): {' / '.join(lines[-3:])}")
    return completed.stdout


def succeeds(command: Sequence[str | Path], *, keep: int | None = None) -> bool:
    """Whether a command exits with 0; its output is discarded."""
    argv = [str(argument) for argument in command]
    completed = subprocess.run(argv, capture_output=True, env=ENVIRONMENT, check=False, pass_fds=held(keep))
    return completed.returncode == 0


def held(lock: int | None) -> tuple[int, ...]:
    """The descriptors that a command inherits."""
    return () if lock is None else (lock,)
