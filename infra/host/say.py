"""The program's voice: progress to stderr line by line, one JSON object to stdout, no secrets in either."""

from __future__ import annotations

import contextlib
import json
import select
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any, TextIO

from . import printable
from .redact import Redactor

QUIET = 2.5
"""Seconds without a line after which we say that we are still at it."""
LONG, RARE = 30.0, 15.0
"""After ``LONG`` seconds without a line, we say so every ``RARE`` seconds only."""

STUCK = 10.0
"""Seconds that a reader may take nothing before lines are dropped, once what has begun is to be brought to its end."""

redactor = Redactor()
_started = time.monotonic()
_writing = threading.Lock()


@dataclass
class _State:
    """What the voice remembers: when it last wrote a line, and one that was more than a sign of life; for what step."""

    written: float = _started
    meant: float = _started
    step: str = "start"
    reader_needed: bool = True
    stuck: bool = False


_state = _State()


def seconds() -> float:
    """Seconds since the program started."""
    return time.monotonic() - _started


def unread() -> bool:
    """Whether nobody can read us any more: sshd closes the pipes of a lost connection, through sudo too."""
    poll = select.poll()
    for stream in (1, 2):
        poll.register(stream, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def carry_on() -> None:
    """From now on write into the void where the reader is gone: what has begun is brought to its end all the same."""
    _state.reader_needed = False


def signs_of_life() -> None:
    """Say now and then that we are still at it, as long as the program runs."""
    threading.Thread(target=_show_life, daemon=True).start()


def _show_life() -> None:
    while True:
        time.sleep(0.25)
        now = time.monotonic()
        silent = now - _state.meant
        if now - _state.written >= (QUIET if silent < LONG else RARE):
            with contextlib.suppress(OSError):
                _write(sys.stderr, f"[{seconds():5.1f}s] {_state.step}: still at it ({silent:.0f} s)\n", sign=True)


def step(name: str, text: str) -> None:
    """One line of progress: ``[  3.2s] build: installing dependencies``."""
    _state.step = name
    _write(sys.stderr, f"[{seconds():5.1f}s] {name}: {_fit(text)}\n")


def detail(text: str) -> None:
    """One line of a child's output, indented below its step."""
    line(f"         | {text}")


def line(text: str) -> None:
    """One plain line to stderr."""
    _write(sys.stderr, _fit(text) + "\n")


def result(value: Any, indent: int | None = None) -> None:
    """The machine-readable result: one JSON value on stdout.

    Secrets are taken out of its texts before it is written as JSON: masked JSON might be none any more.
    """
    plain(json.dumps(redactor.clean_leaves(value), indent=indent, ensure_ascii=False))


def plain(value: str) -> None:
    """Text on stdout whose parts have been cleaned already."""
    _write(sys.stdout, value + "\n")


def text(value: str) -> None:
    """Text for people on stdout."""
    _write(sys.stdout, _fit(value) + "\n")


def _fit(text: str) -> str:
    """Text without secrets, and without what the terminal of whoever reads it would obey.

    Secrets are looked for twice: colours in the middle of one may hide it from the first look.
    """
    return redactor.clean(printable.lines(redactor.clean(text)))


def _write(stream: TextIO, value: str, *, sign: bool = False) -> None:
    now = time.monotonic()
    if not _state.reader_needed and not _taken(stream):
        return
    try:
        # Half a character (from a file name, say) cannot be encoded; as an escape it does not cost the whole line.
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
    """Whether somebody still takes what we write: a connection that hangs must not hold up what has begun."""
    poll = select.poll()
    try:
        poll.register(stream, select.POLLOUT)
    except (OSError, ValueError, TypeError):
        return True
    _state.stuck = not poll.poll(0 if _state.stuck else STUCK * 1000)
    return not _state.stuck
