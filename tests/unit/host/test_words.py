"""What is hidden, recorded and reported."""

import io
import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.deployment import printable
from infra.host import files, history, locks, prune, rollout, say, slots, sockets, systemd, tasks
from infra.host.answers import Answer
from infra.host.layout import App
from infra.host.printable import lines, one_line
from infra.host.redact import Redactor


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("token=s3cr3t/+ ok", "token=[secret] ok"),
        ("url ?t=s3cr3t%2F%2B", "url ?t=[secret]"),
        ("a 'two\\nlined value' b", "a '[secret]' b"),
        ("lined value", "[secret]"),
        ("https://user:pw@host/x ssh://git@host git@host:x", "https://[secret]@host/x ssh://git@host git@host:x"),
        ("https://ghp_abc@host/x", "https://[secret]@host/x"),
        ("1 is no secret", "1 is no secret"),
    ],
)
def test_redact(text: str, clean: str) -> None:
    assert Redactor(["s3cr3t/+", "two\nlined value", "1", ""]).clean(text) == clean


def test_longer_secrets_first() -> None:
    assert Redactor(["abc", "abcdef"]).clean("abcdef abc") == "[secret] [secret]"


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
    assert history.table(entries, "aaaaaaaaaaaa").splitlines() == [
        "   RELEASE       REVISION      WHEN                 WHO  TOOK  RESULT           SUBJECT",
        "   -             cccccccccccc  1970-01-01 00:02:00  you  -     interrupted      Cut",
        "   -             bbbbbbbbbbbb  1970-01-01 00:01:00  you  1.0s  failed: no port  Bad",
        "*  aaaaaaaaaaaa  aaaaaaaaaaaa  1970-01-01 00:00:00  me   3.1s  ok (deploy)      First",
    ]
    assert "under way" in history.table(entries, None, running=True).splitlines()[1]


def test_history_goes_on_after_a_line_that_was_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.host.layout.STATE", tmp_path)
    app = App("app")
    app.state.mkdir()
    app.history.write_text(RECORD.splitlines()[0] + "\n" + '{"event": "begin", "num')
    number = history.begin(app, revision="d", who="me", what="deploy")
    history.end(app, number, result="ok", seconds=1, release="d")
    assert [(entry.number, entry.result) for entry in history.entries(app)] == [(1, "interrupted"), (2, "ok")]


@given(st.text(st.characters()), st.text(st.characters()))
def test_no_subject_breaks_a_line_of_the_record_or_the_table(subject: str, who: str) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("infra.host.layout.STATE", Path(folder))
        app = App("app")
        number = history.begin(app, revision="a" * 40, subject=subject, who=who, what="deploy")
        history.end(app, number, release="a", subject=subject, result="ok", seconds=1, reason=subject)
        record = app.history.read_bytes()
        (entry,) = history.entries(app)
    assert record.isascii()
    assert record.count(b"\n") == len(record.splitlines()) == 2
    assert (entry.result, entry.subject, entry.who) == ("ok", one_line(subject), one_line(who))
    assert one_line(entry.subject) == entry.subject
    table = history.table([entry], "a")
    assert len(table.splitlines()) == 2
    table.encode()
    assert not any(ord(letter) < 32 or 126 < ord(letter) < 160 for letter in table.replace("\n", ""))


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\u0085", "\u001c"])
def test_records_of_earlier_versions_with_line_marks_are_read(mark: str) -> None:
    event = {"number": 1, "when": 0, "release": "a", "subject": f"Fix{mark}it", "result": "ok", "seconds": 1}
    record = "".join(json.dumps({"event": name, **event}, ensure_ascii=False) + "\n" for name in ("begin", "end"))
    (entry,) = history.read(record)
    assert (entry.result, entry.subject) == ("ok", "Fix it")


@given(st.text(st.characters()), st.integers(2, 300))
def test_both_sides_print_foreign_text_alike(text: str, longest: int) -> None:
    assert one_line(text, longest) == printable.one_line(text, longest)


def test_writes_that_were_killed_leave_no_secrets(tmp_path: Path) -> None:
    names = [".blue.json.abcd1234", ".blue.json.young123", ".hidden", "blue.json"]
    for name in names:
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0 if name != names[1] else time.time()))
    files.sweep(tmp_path)
    files.sweep(tmp_path / "nowhere")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[1:])


def test_lock_words() -> None:
    holder = locks.Holder("me@desk", time.time() - 5, "main at abc", 1, "42")
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(holder.since))
    assert holder.words() == f"me@desk since {when} (5 s) for main at abc, process 1"
    assert locks.parse('{"who": "a", "since": 1, "what": "b", "pid": 2, "born": "3"}') == locks.Holder(
        "a", 1, "b", 2, "3"
    )
    assert locks.parse("") is None
    assert locks.parse('{"who": "a"}') is None


def test_a_holder_lives_only_with_its_time_of_birth() -> None:
    pid = os.getpid()
    assert locks.Holder("a", 0, "b", pid, sockets.born(pid)).alive()
    assert not locks.Holder("a", 0, "b", pid, "1").alive()
    assert not locks.Holder("a", 0, "b", pid, "").alive()


def test_superfluous_releases() -> None:
    last = {"a": 1, "b": 2, "c": 3, "d": 4}
    assert prune.superfluous("abcd", last, 2, "d") == {"a", "b"}
    assert prune.superfluous("abcd", last, 2, "a") == {"b", "c"}
    assert prune.superfluous("abcd", last, 1, "b") == {"a", "c", "d"}
    assert prune.superfluous("abcd", last, 9, "d") == set()


def test_answer_words() -> None:
    assert Answer(301, "", "/login").words() == "status 301 to /login"
    assert Answer(500, "\nOops\n" + "x" * 400 + "\n3\n4\n5\n6\n").words().splitlines() == [
        "status 500",
        "  Oops",
        "  " + "x" * 300,
        "  3",
    ]
    page = "<!doctype html>\n<title>Bad Request (400)</title>\n<style>\nh1 {}</style><h1>Bad Request (400)</h1><p>Sorry</p>"
    assert Answer(400, page).words() == "status 400\n  Bad Request (400)\n  Sorry"


def test_excerpt_keeps_the_cause_that_would_be_cut_off() -> None:
    log = ["boot", "  ModuleNotFoundError: No module named 'x'", *(f"line {number}" for number in range(20))]
    assert rollout.excerpt(log).splitlines()[:3] == [
        "  ModuleNotFoundError: No module named 'x'",
        "  [...]",
        "  line 10",
    ]
    assert len(rollout.excerpt(log, most=5).splitlines()) == 5
    assert rollout.excerpt(["one"]) == "  one"
    assert rollout.excerpt([]) == "  (nothing)"
    assert rollout.excerpt(["\x1b[31m\x1b[1mred\x1b[0m\x07 alert"]) == "  red alert"
    assert rollout.excerpt(["\x1b]0;a title\x07shown", "a\ttab"]) == "  shown\n  a\ttab"


TRACEBACK = """\
[INFO] Booting worker
Traceback (most recent call last):
  File "/srv/app/python/venvs/x/lib/python3.13/site-packages/gunicorn/util.py", line 420, in import_app
    mod = importlib.import_module(module)
          ~~~~~~~~~~~~~~~~~~~~~~~^^^^^^^^
  File "<frozen importlib._bootstrap>", line 488, in _call_with_frames_removed
  File "/srv/app/releases/abc/app.py", line 1, in <module>
    from shop import missing
  File "/srv/app/releases/abc/.venv/lib/python3.13/site-packages/shop/__init__.py", line 1, in <module>
    import nothing
ModuleNotFoundError: No module named 'nothing'
gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>
[ERROR] Shutting down: Master""".splitlines()


def test_excerpt_leaves_out_what_is_not_the_apps_own_code() -> None:
    assert rollout.excerpt(TRACEBACK, "/srv/app/releases/abc").splitlines() == [
        "  [INFO] Booting worker",
        '    File "/srv/app/releases/abc/app.py", line 1, in <module>',
        "      from shop import missing",
        "  ModuleNotFoundError: No module named 'nothing'",
        "  gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>",
        "  [ERROR] Shutting down: Master",
    ]


def test_the_cause_is_the_apps_last_exception() -> None:
    assert rollout.cause(TRACEBACK) == "\nModuleNotFoundError: No module named 'nothing'"
    assert rollout.cause(["SystemExit: 3", "ready"]) == ""


def test_unit_state_in_words() -> None:
    state = {
        **{"ActiveState": "activating", "SubState": "auto-restart", "Result": "exit-code", "ExecMainCode": "1"},
        **{"ExecMainStatus": "3", "NRestarts": "0"},
    }
    assert systemd.describe(state) == (
        "activating (auto-restart), its main process exited with status 3, result exit-code"
    )


def test_listening_sockets() -> None:
    table = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:4E21 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1\n"
        "   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 222 1\n"
        "   2: 0100007F:4E21 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 333 1\n"
    )
    assert sockets.parse(table) == [sockets.Listener("127.0.0.1", 20001, "111"), sockets.Listener("*", 80, "222")]


def test_switching_slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.host.layout.STATE", tmp_path)
    monkeypatch.setattr("os.chown", lambda *_: None)
    app = App("app")
    found = [slots.serving(app)]
    for slot in ("blue", "green", "green", "blue"):
        slots.switch(app, slot)
        found.append(slots.serving(app))
    assert found == [None, "blue", "green", "green", "blue"]
    assert [slots.other(slot) for slot in (None, "blue", "green")] == ["blue", "green", "blue"]
    slots.close(app)
    assert slots.serving(app) is None


def test_what_uv_installed_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(say, "detail", told.append)
    progress = tasks.Progress()
    for line in ("Installed 3 packages in 26ms", " + click==8.5.1", " + shop==1 (from file:///srv)", " + x", " + y==2"):
        progress.add(line)
    progress.end()
    assert told == ["Installed 3 packages in 26ms", " + click==8.5.1, shop==1", " + x", " + y==2"]


def test_the_report_of_a_failed_task_ends_with_the_cause() -> None:
    text, reason = tasks.report(["", *(f"line {number}" for number in range(100)), " "], "It failed: exit status 1.")
    assert text.splitlines() == ["The output ends so:", *(f"  line {number}" for number in range(88, 100)), reason]
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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m and\ttab", "red and\ttab"),
        ("\x1b]0;a title\x07\x1b[2Jcleared", "cleared"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPstring\x1b\\ \x1bc\x1b(B.", " ."),
        ("10 %\r20 %\r", "20 %"),
        ("one\r\ntwo", "one\ntwo"),
        ("bell\x07 \x9b31m \u202egnp", "bell\ufffd \ufffd31m \ufffdgnp"),
        ("ends in\x1b", "ends in\ufffd"),
    ],
)
def test_a_terminal_obeys_nothing_that_an_app_prints(text: str, shown: str) -> None:
    assert lines(text) == shown


@given(st.text(st.sampled_from("ab1;[]\x1b\x07\x9b\r\n\t\\(\u202e"), max_size=40))
def test_no_control_character_is_left_of_any_text(text: str) -> None:
    assert not set(lines(text)) & set("\x1b\x07\x9b\r\u202e")


def test_colours_in_the_middle_of_a_secret_do_not_show_it(capsys: pytest.CaptureFixture[str]) -> None:
    say.redactor.add("hunter2-canary")
    say.detail("it is hun\x1b[31mter2-can\x1b[0mary")
    assert capsys.readouterr().err == "         | it is [secret]\n"


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


def test_a_line_of_the_start_before_is_not_taken_for_one_of_this() -> None:
    entries = [
        {"MESSAGE": "before, of an unknown start", "__MONOTONIC_TIMESTAMP": "999999"},
        {"MESSAGE": "of another start", "__MONOTONIC_TIMESTAMP": "1000001", "_SYSTEMD_INVOCATION_ID": "a"},
        {"MESSAGE": "ours", "__MONOTONIC_TIMESTAMP": "1000000"},
        {"MESSAGE": [99, 97, 102, 233], "__MONOTONIC_TIMESTAMP": "1000002"},
    ]
    assert systemd.unclaimed([json.dumps(entry) for entry in entries], 1_000_000) == ["ours", "caf\ufffd"]
