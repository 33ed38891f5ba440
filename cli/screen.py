"""The display of a deployment: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

from cli.view import Kind, Shown, View

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

KEPT_LINES = 6
"""How many of the machine's lines stand under a step that is under way."""


class Screen(Protocol):
    """What shows a deployment."""

    def show(self, lines: Sequence[Shown]) -> None:
        """Show lines that an event added."""

    def end(self, lines: Sequence[str]) -> None:
        """Show what is left to say at the end."""


class Plain:
    """Lines without colours or motion."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.closed = False

    def show(self, lines: Sequence[Shown]) -> None:
        """Print the lines at once."""
        for line in lines:
            self._print(line.text)

    def end(self, lines: Sequence[str]) -> None:
        """Print what is left to say."""
        for line in lines:
            self._print(line)

    def _print(self, text: str) -> None:
        """Print a line, unless nobody reads any more: that is no reason to break a deployment off."""
        if not self.closed:
            try:
                print(text, file=self.stream, flush=True)
            except BrokenPipeError:
                self.closed = True
                os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())


class Steps:
    """The steps under way, as Rich draws them anew several times a second."""

    def __init__(self, view: View) -> None:
        self.view = view

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Each step with its seconds, and the machine's last lines under it."""
        from rich.text import Text  # noqa: PLC0415 - with the rest of Rich

        now = time.monotonic()
        if not self.view.running and not self.view.ended:
            yield Text(f"{_dots(now)} comparing with the current state", style="bold")
        for step in list(self.view.running.values()):
            seconds = f"{now - step.since:.0f} s"
            yield Text(f"{_dots(now)} {step.title} {seconds}", style="bold", no_wrap=True, overflow="ellipsis")
            for line in step.lines[-KEPT_LINES:]:
                yield Text(f"    {line}", style="dim", no_wrap=True, overflow="ellipsis")


def _dots(now: float) -> str:
    return "|/-\\"[int(now * 6) % 4]


class Terminal:
    """A terminal: what has ended stays as a line, what is under way moves below it."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.marks = ("\N{CHECK MARK}", "\N{BALLOT X}") if console.encoding.startswith("utf") else ("+", "x")

    def show(self, lines: Sequence[Shown]) -> None:
        """Print the lines that stay; progress shows itself in the view."""
        for line in lines:
            if line.kind is Kind.STEP:
                style = "red" if line.failed else "green"
                self._print(f"{self.marks[line.failed]} {line.text}", style)
            elif line.kind is Kind.NOTE:
                self._print(line.text)

    def end(self, lines: Sequence[str]) -> None:
        """Print what is left to say."""
        for line in lines:
            self._print(line, "red" if line.startswith("error: ") else "yellow")

    def _print(self, text: str, style: str = "") -> None:
        self.console.print(text, style=style, markup=False, highlight=False, emoji=False, soft_wrap=True)


@contextmanager
def screen(view: View, *, to_stderr: bool = False) -> Iterator[Screen]:
    """The place to show a view's lines in, for as long as the deployment takes."""
    stream = sys.stderr if to_stderr else sys.stdout
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        yield Plain(stream)
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs Rich, and the engine starts meanwhile
    from rich.live import Live  # noqa: PLC0415

    console = Console(file=stream)
    with Live(Steps(view), console=console, refresh_per_second=8, transient=True):
        yield Terminal(console)
