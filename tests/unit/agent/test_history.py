"""What a deployment leaves in the record, and how a person reads it."""

import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.agent.release import history, history_table
from infra.agent.system.layout import App
from infra.common.printable import one_line


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


RECORD = """\
{"event": "begin", "number": 1, "when": 0, "revision": "aaaaaaaaaaaaaaaa", "who": "me", "what": "deploy"}
{"event": "end", "number": 1, "release": "aaaaaaaaaaaa", "subject": "First", "result": "ok", "seconds": 3.14}
{"event": "begin", "number": 2, "when": 60, "revision": "bbbbbbbbbbbbbbbb", "who": "you", "what": "deploy"}
{"event": "end", "number": 2, "release": "", "subject": "Bad", "result": "failed", "seconds": 1, "reason": "no port"}
{"event": "begin", "number": 3, "when": 120, "revision": "cccccccccccccccc", "who": "you", "subject": "Cut", "wh
{"event": "begin", "number": 4, "when": 120, "revision": "cccccccccccccccc", "who": "you", "subject": "Cut"}
"""


def test_history_table() -> None:
    entries = history.read(RECORD)
    assert [(entry.number, entry.result) for entry in entries] == [(1, "ok"), (2, "failed"), (4, "interrupted")]
    assert history_table.table(entries, "aaaaaaaaaaaa").splitlines() == [
        "   RELEASE       WHEN              WHO  TOOK  RESULT           SUBJECT",
        "   cccccccccccc  1970-01-01 00:02  you  -     interrupted      Cut",
        "   bbbbbbbbbbbb  1970-01-01 00:01  you  1.0s  failed: no port  Bad",
        "*  aaaaaaaaaaaa  1970-01-01 00:00  me   3.1s  ok (deploy)      First",
    ]
    assert "under way" in history_table.table(entries, None, running=True).splitlines()[1]


def entry(**values: object) -> history.Entry:
    usual: dict[str, object] = {
        "number": 1,
        "release": "a" * 12,
        "revision": "a" * 40,
        "subject": "Say it",
        "when": 0.0,
    }
    usual |= {"who": "ada@laptop", "seconds": 3.0, "result": "ok", "reason": "", "what": "deploy"}
    return history.Entry(**{**usual, **values})  # type: ignore[arg-type]


def test_the_table_fits_a_terminal_of_100_columns_and_names_the_result_first() -> None:
    reason = (
        "The release was not healthy within 60 s: GET / (Host: 198.18.0.5), expected status 200-399, got status 503"
    )
    shown = [
        entry(subject="Fit the whole of a subject that goes on and on " * 3),
        entry(release="-", result="failed", reason=reason, who="somebody-with-a-name@a-workstation.example.org"),
        entry(release=f"{'b' * 12}-12", seconds=1234.5, subject="Short"),
    ]
    table = history_table.table(shown, "a" * 12).splitlines()
    assert max(len(line) for line in table) <= 100
    assert "ok (deploy)" in table[1]
    assert table[2].endswith("failed: The release was...  Say it")
    assert table[3].endswith("  ok (deploy)       Fit the whole...")
    roomy = history_table.table([entry(result="failed", reason=reason, who="me")], None).splitlines()[1]
    assert roomy.endswith("  failed: The release was not healthy within 6...  Say it")


def test_history_goes_on_after_a_line_that_was_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.agent.system.layout.STATE", tmp_path)
    app = App("app")
    app.kept.mkdir(parents=True)
    app.history.write_text(RECORD.splitlines()[0] + "\n" + '{"event": "begin", "num')
    number = history.begin(app, revision="d", who="me", what="deploy")
    history.end(app, number, result="ok", seconds=1, release="d")
    assert [(entry.number, entry.result) for entry in history.entries(app)] == [(1, "interrupted"), (2, "ok")]


@given(st.text(st.characters()), st.text(st.characters()))
def test_no_subject_breaks_a_line_of_the_record_or_the_table(subject: str, who: str) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("infra.agent.system.layout.STATE", Path(folder))
        app = App("app")
        number = history.begin(app, revision="a" * 40, subject=subject, who=who, what="deploy")
        history.end(app, number, release="a", subject=subject, result="ok", seconds=1, reason=subject)
        record = app.history.read_bytes()
        (entry,) = history.entries(app)
    assert record.isascii()
    assert record.count(b"\n") == len(record.splitlines()) == 2
    assert (entry.result, entry.subject, entry.who) == ("ok", one_line(subject), one_line(who))
    assert one_line(entry.subject) == entry.subject
    table = history_table.table([entry], "a")
    assert len(table.splitlines()) == 2
    table.encode()
    assert not any(ord(letter) < 32 or 126 < ord(letter) < 160 for letter in table.replace("\n", ""))


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\u0085", "\u001c"])
def test_records_of_earlier_versions_with_line_marks_are_read(mark: str) -> None:
    event = {"number": 1, "when": 0, "release": "a", "subject": f"Fix{mark}it", "result": "ok", "seconds": 1}
    record = "".join(json.dumps({"event": name, **event}, ensure_ascii=False) + "\n" for name in ("begin", "end"))
    (entry,) = history.read(record)
    assert (entry.result, entry.subject) == ("ok", "Fix it")


def test_deployments_keep_their_order_where_the_clock_was_wrong_and_runs_are_placed_among_them() -> None:
    deployments = [entry(number=number, when=when) for number, when in ((1, 100.0), (2, 86500.0), (3, 200.0))]
    runs = [entry(number=number, when=when, what="run") for number, when in ((1, 50.0), (2, 150.0), (3, 90000.0))]
    found = [f"{each.what}{each.number}" for each in history.merged(deployments, runs)]
    assert found == ["run1", "deploy1", "run2", "deploy2", "deploy3", "run3"]
