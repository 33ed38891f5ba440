"""The terminal of whoever called us, and one of its own for a program of the app.

The app never gets the caller's: it could keep it, and read what is typed there later.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import termios
import tty
from collections.abc import Iterator
from types import FrameType

NAME = re.compile(r"[\w.+-]{1,64}")
"""What a terminal type may be called (``$TERM``)."""


def interactive() -> bool:
    """Whether a person types to us and sees what we print."""
    return os.isatty(0) and os.isatty(1)


def kind() -> str:
    """The type of the caller's terminal, for ``$TERM``."""
    name = os.environ.get("TERM", "")
    return name if NAME.fullmatch(name) else "dumb"


def make(uid: int) -> tuple[int, int]:
    """A new terminal as large as the caller's, which belongs to a user.

    Returns:
        Our side of it, and the program's.
    """
    ours, theirs = os.openpty()
    os.fchown(theirs, uid, -1)
    os.fchmod(theirs, 0o600)
    _copy_size(ours)
    return ours, theirs


@contextlib.contextmanager
def attached(ours: int) -> Iterator[None]:
    """Hand on every key as it is typed, Ctrl-C too, and every new size; afterwards our terminal is as it was."""
    before = termios.tcgetattr(0)

    def resized(_number: int, _frame: FrameType | None) -> None:
        _copy_size(ours)

    handler = signal.signal(signal.SIGWINCH, resized)
    try:
        tty.setraw(0, termios.TCSANOW)
        yield
    finally:
        signal.signal(signal.SIGWINCH, handler)
        with contextlib.suppress(termios.error):  # the terminal is gone with the connection
            termios.tcsetattr(0, termios.TCSANOW, before)


def _copy_size(ours: int) -> None:
    with contextlib.suppress(OSError):
        fcntl.ioctl(ours, termios.TIOCSWINSZ, fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8)))
