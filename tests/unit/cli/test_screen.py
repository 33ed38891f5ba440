"""Where a deployment is shown: a terminal, and everything else."""

import io

import pytest
from rich.console import Console

from cli import screen
from cli.events import Resource, Started
from cli.view import Kind, Shown, View

LINES = [
    Shown(Kind.STEP, "release: done (3.2 s)"),
    Shown(Kind.PROGRESS, "release: [  0.1s] build: x"),
    Shown(Kind.NOTE, "^C"),
]
FAILED = Shown(Kind.STEP, "release: failed (1.0 s)", failed=True)


def test_a_pipe_gets_plain_lines_without_escape_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with screen.screen(View()) as shown:
        shown.show([*LINES, FAILED])
    shown.end(["error: release: the cause"])
    assert capsys.readouterr().out.splitlines() == [
        "release: done (3.2 s)",
        "release: [  0.1s] build: x",
        "^C",
        "release: failed (1.0 s)",
        "error: release: the cause",
    ]


def test_data_on_standard_output_moves_the_view_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with screen.screen(View(), to_stderr=True) as shown:
        shown.show([FAILED])
    assert capsys.readouterr() == ("", "release: failed (1.0 s)\n")


def test_a_terminal_keeps_what_ended_and_shows_progress_below_its_step() -> None:
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=40, color_system=None)
    screen.Terminal(console).show([*LINES, FAILED])
    kept = written.getvalue()
    assert "release: done (3.2 s)" in kept
    assert "build: x" not in kept

    view = View()
    view.feed(Started(Resource("urn::app-release", "app-release", custom=True), "create"), 0)
    view.running["urn::app-release"].lines += [f"[  {number}.0s] {'long ' * 20}" for number in range(9)]
    written.truncate(0)
    console.print(screen.Steps(view))
    drawn = written.getvalue().strip("\0").splitlines()
    assert (len(drawn), "release" in drawn[0]) == (1 + screen.KEPT_LINES, True)
    assert all(len(line) <= 40 for line in drawn)  # one row each: a line that wraps would leave traces


def test_before_the_first_step_there_is_a_sign_of_life() -> None:
    written = io.StringIO()
    Console(file=written).print(screen.Steps(View()))
    assert "comparing with the current state" in written.getvalue()
