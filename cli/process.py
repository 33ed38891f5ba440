"""Programs that we run. Ctrl-C is theirs: a terminal sends it to them too, and they end themselves in good order."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType


@dataclass
class Interrupts:
    """How often Ctrl-C was pressed."""

    count: int = 0


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Outlive Ctrl-C for a while, and count it. A child does not inherit that, so it is interrupted as usual.

    Within another one of these, both count.
    """
    pressed = Interrupts()
    before = signal.getsignal(signal.SIGINT)

    def press(number: int, frame: FrameType | None) -> None:
        pressed.count += 1
        if callable(before) and before is not signal.default_int_handler:
            before(number, frame)

    signal.signal(signal.SIGINT, press)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def ended_by_interrupt(child: subprocess.Popen[str], pressed: Interrupts) -> Iterator[None]:
    """Have a SIGTERM for us interrupt the program that we run: ended with us, it would leave its work half done."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        pressed.count += 1
        child.send_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run(words: Sequence[str | Path], *, env: Mapping[str, str] | None = None, stdout: int | None = None) -> int:
    """Run a program that shares our terminal; gives its exit status.

    Args:
        words: The program and its arguments.
        env: Its environment; None for ours.
        stdout: Where its standard output goes, as subprocess says it; None for ours.
    """
    with interrupts(), subprocess.Popen([str(word) for word in words], env=env, stdout=stdout) as child:
        return status(child.wait())


def ask(words: Sequence[str | Path], *, quiet: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a program for what it prints.

    Args:
        words: The program and its arguments.
        quiet: Whether to drop what it says on standard error.
    """
    with (
        interrupts(),
        subprocess.Popen(
            [str(word) for word in words],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else None,
            text=True,
            errors="replace",
        ) as child,
    ):
        printed, _ = child.communicate()
    return subprocess.CompletedProcess(list(words), status(child.returncode), printed, "")


def status(code: int) -> int:
    """An exit status as a shell gives it: 128 and the signal's number where one ended the program."""
    return 128 - code if code < 0 else code
