"""What a person sees of a build's output."""

import io
from pathlib import Path

import pytest

from infra.agent.process import tasks
from infra.agent.system import say, sh, systemd
from infra.agent.system.layout import App
from infra.agent.system.unit_state import UnitState


def test_what_uv_installed_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(say, "detail", told.append)
    progress = tasks.Progress()
    for line in ("Installed 3 packages in 26ms", " + click==8.5.1", " + shop==1 (from file:///srv)", " + x", " + y==2"):
        progress.add(line)
    progress.end()
    assert told == ["Installed 3 packages in 26ms", " + click==8.5.1, shop==1", " + x", " + y==2"]


@pytest.mark.parametrize(
    ("active", "asked"), [("inactive", []), ("failed", ["reset-failed"]), ("active", ["stop", "reset-failed"])]
)
def test_systemd_is_asked_to_forget_a_task_only_where_one_is_left(
    active: str, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[str] = []
    monkeypatch.setattr(systemd, "state", lambda _: UnitState(active=active))
    monkeypatch.setattr(sh, "run", lambda argv: found.append(argv[1]))
    tasks.stop_leftover(App("shop"))
    assert found == asked


def test_the_report_of_a_failed_task_ends_with_the_cause() -> None:
    text, reason = tasks.report(["", *(f"line {number}" for number in range(100)), " "], "It failed: exit status 1.")
    assert text.splitlines() == ["The output ends with:", *(f"  line {number}" for number in range(88, 100)), reason]
    assert tasks.report([" ", ""], "It failed.") == ("It failed.", "It failed.")


def test_what_uv_says_after_it_gave_up_is_left_to_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    progress = tasks.Progress()
    for line in ("Resolved 2 packages", "error: Failed to build `x==1`", "  cause: a hundred lines", " + y==1"):
        progress.add(line)
    progress.end()
    assert [line.split("| ")[1] for line in capsys.readouterr().err.splitlines()] == [
        "Resolved 2 packages",
        "error: Failed to build `x==1`",
    ]


@pytest.mark.parametrize("before", [0, 985, 990, 999, 65_530])
def test_a_secret_in_a_long_line_is_not_cut_in_two(before: int) -> None:
    say.redactor.add("hunter2-canary-of-lines")
    raw = b"x" * before + b" hunter2-canary-of-lines " + b"y" * 200_000 + b"\nnext\n"
    long, following = tasks.read_lines(io.BytesIO(raw))
    assert not [part for part in ("hunter2", "canary", "of-lines") if part in long]
    assert len(long) <= tasks.SHOWN_WIDTH + 6
    assert following == "next"


def test_an_endless_output_is_told_up_to_a_bound(capsys: pytest.CaptureFixture[str]) -> None:
    progress = tasks.Progress()
    for number in range(10_000):
        progress.add(f"{number} {'x' * 90}")
    told = capsys.readouterr().err
    assert len(told) < 1.5 * tasks.MOST_SHOWN
    assert told.splitlines()[-1] == "         | [more output is not shown]"


@pytest.mark.parametrize(
    ("code", "took", "words"),
    [
        (4, 3, "exit status 4"),
        (
            127,
            3,
            "exit status 127: the command was not found (is it among the app's dependencies? launchpad:pip adds one)",
        ),
        (137, 3, "exit status 137: a process was killed (signal 9), as the kernel does where memory runs out"),
        (137, 60, "it did not end within 60 s; to allow more, set launchpad:build_timeout"),
    ],
)
def test_the_exit_status_of_a_task_is_told_with_its_usual_cause(code: int, took: float, words: str) -> None:
    task = tasks.Task("It", [], Path("/"), {}, limit=60, limited_by="launchpad:build_timeout")
    assert tasks.ending(task, code, took) == words
