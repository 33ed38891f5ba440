"""Why a release did not come up, as a person reads it."""

import dataclasses

from infra.agent.release import report
from infra.agent.release.report import Attempt

LOG = ["boot", "RuntimeError: no database"]
ATTEMPT = Attempt("new", "old", "app@green.service", "failed (failed)", LOG, "/srv/app/releases/new", alive=False)


def test_a_process_that_ended_names_the_exception_last() -> None:
    assert report.failed(ATTEMPT, "The web process ended.").splitlines() == [
        "Release new was not switched to; old is still serving.",
        "Last lines of the log of app@green.service (failed (failed)):",
        "  boot",
        "  RuntimeError: no database",
        "The web process ended.",
        "RuntimeError: no database",
    ]


def test_a_process_that_runs_has_not_ended_by_what_it_logged() -> None:
    text = report.failed(dataclasses.replace(ATTEMPT, alive=True), "It answers 500.")
    assert text.splitlines()[-1] == "It answers 500."


def test_the_report_says_what_serves_now() -> None:
    first = report.failed(dataclasses.replace(ATTEMPT, serving=""), "x").splitlines()[0]
    assert first == "Release new was not switched to; no release is serving."
    again = report.failed(dataclasses.replace(ATTEMPT, serving="new"), "x").splitlines()[0]
    assert again == "Release new was not restarted; new is still serving."


def test_a_long_reason_leaves_some_lines_of_the_log() -> None:
    attempt = dataclasses.replace(ATTEMPT, log=[str(number) for number in range(50)], alive=True)
    assert len(report.failed(attempt, "one line").splitlines()) == 2 + 12 + 1
    assert len(report.failed(attempt, "\n".join("x" * 40)).splitlines()) == 2 + 5 + 40


def test_requests_that_are_left_are_counted() -> None:
    assert report.undrained(0, 30) == ""
    assert report.undrained(2, 30) == "2 requests to the old release are still under way after 30 s"
    assert report.undrained(None, 1.5) == "could not ask the proxy which requests are under way (tried for 1.5 s)"
