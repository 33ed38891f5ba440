"""What the program prints: progress to stderr line by line, one JSON object to stdout, no secrets in either."""

from __future__ import annotations

import contextlib
import json
import select
import sys
import threading
import time
from dataclasses import dataclass
from typing import TextIO

from infra.agent.system.redact import Redactor
from infra.common import printable

QUIET = 2.5
"""Seconds without a line after which one says that the program is still running."""
LONG, RARE = 30.0, 15.0
"""After ``LONG`` seconds without a line, one says so only every ``RARE`` seconds."""

STUCK = 10.0
"""Seconds for which a reader may take nothing before lines are dropped, once the reader is not needed any more."""

redactor = Redactor()
_started = time.monotonic()
_writing = threading.Lock()


@dataclass
class _State:
    """What is remembered of the output.

    Attributes:
        written: When the last line was written, by ``time.monotonic``.
        meant: When the last line was written that was more than a sign of life.
        step: The step of that line.
        reader_needed: Whether a lost reader ends the program.
        stuck: Whether the reader takes nothing.
    """

    written: float = _started
    meant: float = _started
    step: str = "start"
    reader_needed: bool = True
    stuck: bool = False


_state = _State()


def seconds() -> float:
    """The seconds since the program started."""
    return time.monotonic() - _started


def unread() -> bool:
    """Whether nobody can read our output any more: sshd closes the pipes of a lost connection, through sudo, too."""
    poll = select.poll()
    for stream in (1, 2):
        poll.register(stream, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def carry_on() -> None:
    """From now on go on without a reader: what has begun is finished even if the connection is lost."""
    _state.reader_needed = False


def signs_of_life() -> None:
    """Print a line now and then that says that the program is still running, as long as it is silent otherwise."""
    threading.Thread(target=_show_life, daemon=True).start()


def _show_life() -> None:
    while True:
        time.sleep(0.25)
        now = time.monotonic()
        silent = now - _state.meant
        if now - _state.written >= (QUIET if silent < LONG else RARE):
            with contextlib.suppress(OSError):
                _write(sys.stderr, f"[{seconds():5.1f}s] {_state.step}: still running ({silent:.0f} s)\n", sign=True)


def step(name: str, text: str) -> None:
    """Print a line of progress: ``[  3.2s] build: installing dependencies``."""
    _state.step = name
    _write(sys.stderr, f"[{seconds():5.1f}s] {name}: {fit(text)}\n")


def detail(text: str) -> None:
    """Print a line of another program's output, indented below its step."""
    line(f"         | {text}")


def line(text: str) -> None:
    """Print a plain line to stderr."""
    _write(sys.stderr, fit(text) + "\n")


def result(value: object, indent: int | None = None) -> None:
    """Print the result for programs: one JSON value on stdout.

    Secrets are masked in its texts before it becomes JSON: masking the JSON might break it.
    """
    plain(json.dumps(redactor.clean_leaves(value), indent=indent, ensure_ascii=False))


def plain(value: str) -> None:
    """Print text on stdout whose parts are cleaned already."""
    _write(sys.stdout, value + "\n")


def text(value: str) -> None:
    """Print text for people on stdout."""
    _write(sys.stdout, fit(value) + "\n")


def fit(text: str) -> str:
    """Text without secrets, and without control sequences that the reader's terminal would obey.

    Secrets are masked twice: colours in the middle of one may hide it the first time.
    """
    return redactor.clean(printable.lines(redactor.clean(text)))


def _write(stream: TextIO, value: str, *, sign: bool = False) -> None:
    now = time.monotonic()
    if not _state.reader_needed and not _taken(stream):
        return
    try:
        # Half a character (from a file name, say) cannot be encoded; escaped, it does not cost the whole line.
        with _writing:
            _state.written = now
            if not sign:
                _state.meant = now
            stream.write(value.encode(errors="backslashreplace").decode())
            stream.flush()
    except (OSError, ValueError):
        if _state.reader_needed:
            raise


def _taken(stream: TextIO) -> bool:
    """Whether the reader still takes what we write: a connection that hangs must not hold up what has begun."""
    poll = select.poll()
    try:
        poll.register(stream, select.POLLOUT)
    except (OSError, ValueError, TypeError):
        return True
    _state.stuck = not poll.poll(0 if _state.stuck else STUCK * 1000)
    return not _state.stuck
