"""Whose turn it is: order of arrival, the dead and the late, and what the files of locks may be."""

import os
import random
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.agent.release import turns
from infra.agent.system import locks, say
from infra.agent.system.failure import Failure, Interrupted
from infra.agent.system.layout import App
from infra.agent.system.locks import Holder

WORDS = locks.Messages("Another deployment of app", "the deployment of", "Wait for it.")


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    monkeypatch.setattr("infra.agent.system.locks.RUN", tmp_path / "run")
    monkeypatch.setattr("infra.agent.system.layout.RUN", tmp_path / "run")
    yield App("app")


def ourselves(what: str = "main at abc") -> Holder:
    return Holder.ourselves("ada@laptop", what)


def test_a_request_that_is_older_than_one_that_was_let_in_refuses_itself(app: App) -> None:
    older = turns.take(app, ourselves("main at old"), 10)
    newer = turns.take(app, ourselves("main at new"), 10)
    turns.accept(app, newer)
    with pytest.raises(Failure, match=r"A newer deployment \(main at new by ada@laptop\) went first"):
        turns.accept(app, older)
    turns.accept(app, turns.take(app, ourselves("main at old"), 10))


def test_the_dead_and_the_late_keep_nobody_waiting(app: App) -> None:
    dead = turns.take(app, replace(ourselves(), start_time=1), 10)
    late = turns.take(app, ourselves(), -turns.GRACE - 1)
    own = turns.take(app, ourselves(), 10)
    assert (dead, late, own) == (1, 2, 3)
    assert turns.is_next(app, own)
    first = turns.take(app, ourselves(), 10)
    second = turns.take(app, ourselves(), 10)
    assert not turns.is_next(app, second)
    assert len(turns.before(app, second)) == 2
    turns.leave(app, own)
    turns.leave(app, first)
    assert turns.is_next(app, second)


@settings(max_examples=50)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_a_damaged_file_begins_anew(text: str) -> None:
    assert turns.parse(text) == turns.Turns()


@settings(max_examples=100)
@given(st.lists(st.sampled_from(["ask", "let in", "leave"]), max_size=20), st.randoms())
def test_what_is_let_in_last_is_the_newest_that_was_let_in(steps: list[str], chance: random.Random) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        patch("infra.agent.system.locks.RUN", Path(folder) / "run"),
        patch("infra.agent.system.layout.RUN", Path(folder) / "run"),
    ):
        app, waiting, accepted = App("app"), list[int](), list[int]()
        for step in steps:
            if step == "ask":
                waiting.append(turns.take(app, ourselves(), 10))
            elif waiting:
                number = chance.choice(waiting)
                waiting.remove(number)
                if step == "leave":
                    turns.leave(app, number)
                    continue
                try:
                    turns.accept(app, number)
                    accepted.append(number)
                except Failure:
                    assert accepted
                    assert accepted[-1] > number
        assert accepted == sorted(accepted)


def test_the_directory_of_locks_is_roots_alone(app: App, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o777)
    os.close(locks.open_file(app.lock))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    app.turns.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        locks.open_file(app.turns)
    elsewhere = tmp_path / "other"
    elsewhere.mkdir()
    folder.rename(tmp_path / "moved")
    folder.symlink_to(elsewhere)
    with pytest.raises(OSError, match=r"Not a directory|symbolic"):
        locks.open_file(app.lock)
    assert list(elsewhere.iterdir()) == []


def test_a_wait_says_for_whom_and_gives_up(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Failure) as caught:
        locks.wait(lambda: False, lambda: "ada@laptop", 0.2, WORDS)
    assert str(caught.value) == (
        "Another deployment of app is under way: the lock is held by ada@laptop.\nWaited 0.2 s for it. Wait for it."
    )
    assert "lock: waiting for the deployment of ada@laptop; giving up in 0 s" in capsys.readouterr().err


def test_a_wait_ends_without_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(say, "unread", lambda: True)
    with pytest.raises(Interrupted, match="The connection was lost, so this request no longer waits"):
        locks.wait(lambda: False, lambda: "ada@laptop", 10, WORDS)


READER = """\
import os, sys, time
from infra.agent.system import say
print("ready", flush=True)
sys.stdin.read()
began = time.monotonic()
while not say.unread():
    assert time.monotonic() - began < 10
    time.sleep(0.05)
try:
    say.line("lost")
except BrokenPipeError:
    os.write(int(sys.argv[1]), b"told")
say.carry_on()
say.line("lost, and no matter")
os.write(int(sys.argv[1]), b" and carried on")
"""


def test_a_lost_reader_is_noticed_and_only_a_deployment_that_has_begun_writes_on() -> None:
    back, forth = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-c", READER, str(forth)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=[forth],
    )
    os.close(forth)
    assert child.stdin and child.stdout and child.stderr
    assert child.stdout.readline() == b"ready\n"
    child.stdout.close()
    child.stderr.close()
    child.stdin.close()
    child.wait(timeout=30)
    assert os.read(back, 100) + os.read(back, 100) == b"told and carried on"
    os.close(back)


@pytest.mark.slow
def test_signs_of_life_where_a_step_is_silent() -> None:
    code = (
        "import time\nfrom infra.agent.system import say\nsay.QUIET = 0.3\nsay.LONG = 0.8\nsay.RARE = 60\n"
        "say.signs_of_life()\nsay.step('build', 'begins')\ntime.sleep(3)\nsay.step('build', 'ends')"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    lines = [line.split("] ", 1)[1] for line in done.stderr.splitlines()]
    assert time.monotonic() - began < 60
    assert (lines[0], lines[-1]) == ("build: begins", "build: ends")
    assert {line.split(" (")[0] for line in lines[1:-1]} == {"build: still running"}
    assert 1 <= len(lines) - 2 <= 3


@pytest.mark.slow
def test_a_reader_that_hangs_holds_up_no_deployment() -> None:
    code = (
        "import sys\nfrom infra.agent.system import say\nsay.STUCK = 0.5\nsay.carry_on()\n"
        "for _ in range(10000):\n    say.line('x' * 100)\nopen(sys.argv[1], 'w').write('done')"
    )
    with tempfile.NamedTemporaryFile() as done:
        child = subprocess.Popen([sys.executable, "-c", code, done.name], stderr=subprocess.PIPE)
        assert child.wait(timeout=30) == 0
        assert Path(done.name).read_text() == "done"
        assert child.stderr
        assert 0 < len(child.stderr.read()) < 1_000_000
        child.stderr.close()
