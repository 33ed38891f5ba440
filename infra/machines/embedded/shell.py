"""Running other programs, saying what goes on, and the one kind of error that people see."""

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
    """What went wrong, where, and what to do about it; shown to people as it is, without a traceback."""


INTERVAL = 2.5
"""Seconds after which a driver that has nothing new to say says again what it is about."""


class _Voice:
    """What was said last, and whether it is to be said again while nothing else is."""

    newest = ""
    repeats = False


def keep_telling() -> None:
    """From now on say the newest line of ``progress`` again whenever a while has passed without another.

    By a timer and not by a thread, for a driver may move to a mount namespace of its own.
    """
    _Voice.repeats = True
    signal.signal(signal.SIGALRM, lambda *_: _tell_again())


def _tell_again() -> None:
    line = f"[{time.monotonic() - STARTED:5.1f}s] machine: {_Voice.newest} (still)\n"
    with contextlib.suppress(OSError):
        os.write(2, line.encode())  # not by print, which this may interrupt and which must not be entered twice


def progress(text: str) -> None:
    """Say one line on stderr, with the seconds since the start."""
    _Voice.newest = text
    if _Voice.repeats:
        signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)
    with contextlib.suppress(OSError):  # whoever listened may have been killed; the work goes on
        print(f"[{time.monotonic() - STARTED:5.1f}s] machine: {text}", file=sys.stderr, flush=True)


def run(command: Sequence[str | Path], *, stdin: str = "", check: bool = True, keep: int | None = None) -> str:
    """Run a command and give back its stdout; it holds the lock ``keep`` too, even if this driver is killed.

    Raises MachineError with the command's last words when it fails and ``check`` holds.
    """
    argv = [str(word) for word in command]
    try:
        done = subprocess.run(
            argv, input=stdin, capture_output=True, text=True, env=ENVIRONMENT, check=False, pass_fds=held(keep)
        )
    except FileNotFoundError:
        raise MachineError(f"The program {argv[0]} is not installed.") from None
    if check and done.returncode != 0:
        words = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()
        raise MachineError(f"{' '.join(argv[:6])} failed (exit {done.returncode}): {' / '.join(words[-3:])}")
    return done.stdout


def succeeds(command: Sequence[str | Path], *, keep: int | None = None) -> bool:
    """Whether a command ends well; its output is dropped."""
    argv = [str(word) for word in command]
    done = subprocess.run(argv, capture_output=True, env=ENVIRONMENT, check=False, pass_fds=held(keep))
    return done.returncode == 0


def held(lock: int | None) -> tuple[int, ...]:
    """The descriptors that a command inherits."""
    return () if lock is None else (lock,)
