"""Lines of the journal that belong to one start of a unit."""

import json

import pytest

from infra.agent.system import journal, sh
from infra.agent.system.unit_state import UnitState


def test_a_line_of_the_start_before_is_not_taken_for_one_of_this() -> None:
    entries = [
        {"MESSAGE": "before, of an unknown start", "__MONOTONIC_TIMESTAMP": "999999"},
        {"MESSAGE": "of another start", "__MONOTONIC_TIMESTAMP": "1000001", "_SYSTEMD_INVOCATION_ID": "a"},
        {"MESSAGE": "ours", "__MONOTONIC_TIMESTAMP": "1000000"},
        {"MESSAGE": [99, 97, 102, 233], "__MONOTONIC_TIMESTAMP": "1000002"},
    ]
    texts = [json.dumps(entry) for entry in entries]
    assert journal.unclaimed(texts, 1_000_000) == texts[2:]
    assert journal.messages(texts[2:]) == ["ours", "caf\ufffd"]


def test_lines_of_a_worker_that_died_at_once_stand_among_those_of_its_master(monkeypatch: pytest.MonkeyPatch) -> None:
    master = [
        {"MESSAGE": "booting", "__MONOTONIC_TIMESTAMP": "10", "_SYSTEMD_INVOCATION_ID": "a"},
        {"MESSAGE": "worker failed to boot", "__MONOTONIC_TIMESTAMP": "30", "_SYSTEMD_INVOCATION_ID": "a"},
    ]
    worker = {"MESSAGE": "Traceback\nRuntimeError: the cause", "__MONOTONIC_TIMESTAMP": "20"}

    before = {"MESSAGE": "of the release before", "__MONOTONIC_TIMESTAMP": "4", "_SYSTEMD_INVOCATION_ID": "z"}
    asked: list[list[str]] = []

    def run(argv: list[str], **_: object) -> sh.Finished:
        asked.append(argv)
        entries = (
            [before, *master, worker]
            if {"_SYSTEMD_INVOCATION_ID=a", "+", "_SYSTEMD_UNIT=app.service"} <= {*argv}
            else []
        )
        return sh.Finished(0, "".join(f"{json.dumps(entry)}\n" for entry in entries), "")

    monkeypatch.setattr(sh, "run", run)
    assert journal.tail("app.service", UnitState(invocation="a", started=5)) == [
        "booting",
        "Traceback",
        "RuntimeError: the cause",
        "worker failed to boot",
    ]
    assert len(asked) == 2, "one process that waits for the journal and one that reads it"


def test_a_second_try_of_systemd_does_not_hide_why_the_first_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [
        {"MESSAGE": "of the release before", "__MONOTONIC_TIMESTAMP": "9", "_SYSTEMD_INVOCATION_ID": "a"},
        {"MESSAGE": "gunicorn: command not found", "__MONOTONIC_TIMESTAMP": "10", "_SYSTEMD_INVOCATION_ID": "b"},
        {"MESSAGE": "again", "__MONOTONIC_TIMESTAMP": "11", "_SYSTEMD_INVOCATION_ID": "c"},
    ]
    text = "".join(f"{json.dumps(entry)}\n" for entry in entries)
    monkeypatch.setattr(sh, "run", lambda argv, **_: sh.Finished(0, text if "_SYSTEMD_UNIT=u" in argv else "", ""))
    assert journal.since("u", 10, 300) == ["gunicorn: command not found", "again"]
