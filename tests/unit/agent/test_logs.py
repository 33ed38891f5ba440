"""The log: which release and process wrote a line, and how a time may be said."""

import json
from pathlib import Path

import pytest

from infra.agent.process import starts
from infra.agent.process.starts import Start, release_of
from infra.agent.release import logs, run_history
from infra.agent.release.log_origins import Origins
from infra.agent.system import journal_lines
from infra.agent.system.failure import Failure
from infra.agent.system.journal_lines import Line
from infra.agent.system.layout import App

APP = App("shop")
STARTS = [
    Start(100, "blue", "aaa", "aaa1", ""),
    Start(110, "worker", "aaa", "aaa1", ""),
    Start(200, "green", "bbb", "bbb1", ""),
    Start(210, "worker", "bbb", "bbb1", "w1"),
    Start(300, "blue", "aaa-2", "aaa1", ""),
]


@pytest.mark.parametrize(
    ("instance", "when", "invocation", "release"),
    [
        ("blue", 99, "b1", ""),
        ("blue", 100, "b1", "aaa"),
        ("blue", 299, "b2", "aaa"),
        ("blue", 301, "b3", "aaa-2"),
        ("worker", 209, "w1", "aaa"),
        ("worker", 215, "w1", "aaa"),
        ("worker", 215, "w2", "bbb"),
        ("worker", 215, "", "bbb"),
        ("clock", 215, "c1", ""),
    ],
    ids=str,
)
def test_a_line_is_of_the_release_that_its_process_was_started_with_also_while_that_stops(
    instance: str, when: float, invocation: str, release: str
) -> None:
    assert release_of(STARTS, instance, when, invocation) == release


def entry(**fields: object) -> str:
    usual: dict[str, object] = {
        **{"__REALTIME_TIMESTAMP": "1700000000250000", "__CURSOR": "c", "_HOSTNAME": "host", "_PID": "42"},
        **{"_SYSTEMD_UNIT": "shop@blue.service", "_SYSTEMD_INVOCATION_ID": "i1", "SYSLOG_IDENTIFIER": "shop-blue"},
        **{"UNIT": "shop@forged.service", "INVOCATION_ID": "i2", "MESSAGE": "hello"},
    }
    return json.dumps({**usual, **fields})


@pytest.mark.parametrize(
    ("fields", "unit", "invocation", "message"),
    [
        ({}, "shop@blue.service", "i1", "hello"),
        ({"_PID": "1"}, "shop@forged.service", "i2", "hello"),
        ({"MESSAGE": [104, 105, 255]}, "shop@blue.service", "i1", "hi\N{REPLACEMENT CHARACTER}"),
        ({"MESSAGE": ["one", "two"]}, "shop@blue.service", "i1", "one"),
        ({"MESSAGE": None}, "shop@blue.service", "i1", ""),
    ],
)
def test_only_systemd_says_of_another_unit_that_a_line_is_about_it(
    fields: dict[str, object], unit: str, invocation: str, message: str
) -> None:
    line = journal_lines.parse(entry(**fields))
    assert line is not None
    assert (line.unit, line.invocation, line.message, line.when) == (unit, invocation, message, 1700000000.25)


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"__REALTIME_TIMESTAMP": "x"}'])
def test_what_is_no_entry_is_passed_over(text: str) -> None:
    assert journal_lines.parse(text) is None


def test_a_line_is_printed_as_journalctl_does() -> None:
    line = journal_lines.parse(entry())
    assert line is not None
    head = f"{line.time()} host shop-blue[42]: "
    assert line.text("one\ntwo") == f"{head}one\n{' ' * len(head)}two"


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("", []),
        ("30s", ["--since=-30s"]),
        ("10m", ["--since=-600s"]),
        ("10 min", ["--since=-600s"]),
        ("2h", ["--since=-7200s"]),
        ("1d", ["--since=-86400s"]),
        ("2w", ["--since=-1209600s"]),
        ("10 min ago", ["--since=10 min ago"]),
        ("2026-11-26 10:00", ["--since=2026-11-26 10:00"]),
    ],
)
def test_since_is_short_or_as_journalctl_takes_it(
    text: str, option: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_lines, "understands", lambda _text: True)
    assert logs._since(text) == option


def test_a_time_that_is_none_says_what_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_lines, "understands", lambda _text: False)
    with pytest.raises(Failure, match=r"--since is 'soon', which is no time\. Use how long ago \(10m, 2h, 1d"):
        logs._since("soon")


@pytest.fixture
def releases(monkeypatch: pytest.MonkeyPatch) -> Origins:
    monkeypatch.setattr(starts, "all_starts", lambda _app: STARTS)
    runs = [run_history.Run(7, "bbb", "bbb1", "ls", 250, "me", 1, "ok", "", 0)]
    monkeypatch.setattr(run_history, "all_runs", lambda _app: runs)
    return Origins(APP)


def line(unit: str, when: float = 215, invocation: str = "x") -> Line:
    return Line(when, "host", "id", "1", unit, invocation, "text", "c")


@pytest.mark.parametrize(
    ("unit", "process", "release"),
    [
        ("shop@blue.service", "web", "aaa"),
        ("shop@green.service", "web", "bbb"),
        ("shop@worker.service", "worker", "bbb"),
        ("shop@process.blue.service", "blue", ""),
        ("launchpad-shop-run.7.service", "run.7", "bbb"),
        ("launchpad-proxy.service", "proxy", ""),
    ],
)
def test_a_line_says_its_process_and_its_release(releases: Origins, unit: str, process: str, release: str) -> None:
    assert (releases.process(line(unit)), releases.of(line(unit))) == (process, release)


@pytest.mark.parametrize(
    ("name", "found"), [("aaa", {"aaa"}), ("aaa-2", {"aaa-2"}), ("aaa1", {"aaa", "aaa-2"}), ("bb", {"bbb"})]
)
def test_a_release_is_named_by_itself_or_by_its_revision(releases: Origins, name: str, found: set[str]) -> None:
    assert releases.named(name) == found


def test_a_release_that_there_is_not_is_told_with_those_that_there_are(releases: Origins) -> None:
    with pytest.raises(
        Failure, match="--release is ccc, and nothing in the log is of such a release; there are: aaa, "
    ):
        releases.named("ccc")


def test_starts_are_noted_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.agent.system.layout.STATE", tmp_path)
    monkeypatch.setattr(starts, "INVOCATIONS", tmp_path)
    monkeypatch.setattr(starts, "MOST", 2)
    (tmp_path / "invocation:shop@worker.service").symlink_to("i1")
    for release in ("a", "b", "c"):
        starts.note(APP, "worker", release, release * 2)
    assert [(each.release, each.revision, each.before) for each in starts.all_starts(APP)] == [
        ("b", "bb", "i1"),
        ("c", "cc", "i1"),
    ]
