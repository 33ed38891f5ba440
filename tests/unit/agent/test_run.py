"""Commands of ``run``: what is run, what is recorded, and that nothing takes them for deployments."""

import fnmatch
import json
import os
import subprocess
from pathlib import Path

import pytest

from infra.agent import cli
from infra.agent.backup import at_boot
from infra.agent.build.inventory import Built
from infra.agent.release import history, history_table, run_history
from infra.agent.release.run_history import Run
from infra.agent.release.run_unit import Begun, Command
from infra.agent.system import relay
from infra.agent.system.layout import App
from infra.agent.system.relay import Channel

APP = App("shop")
BUILT = Built("abc", "abc123", "Say it", Path("/srv/shop/releases/abc"), Path("/v"), "k", served=True, released_with="")


@pytest.mark.parametrize(
    ("words", "argv", "text"),
    [
        (("ls",), ["ls"], "ls"),
        (("./manage.py",), ["./manage.py"], "./manage.py"),
        (("python manage.py migrate",), ["/bin/bash", "-c", "python manage.py migrate"], "python manage.py migrate"),
        (("echo $HOME",), ["/bin/bash", "-c", "echo $HOME"], "echo $HOME"),
        (("A=1",), ["/bin/bash", "-c", "A=1"], "A=1"),
        (("a|b",), ["/bin/bash", "-c", "a|b"], "a|b"),
        (("",), ["/bin/bash", "-c", ""], ""),
        (("echo", "$HOME", "a b"), ["echo", "$HOME", "a b"], "echo '$HOME' 'a b'"),
        (("git", "log", "--", "x"), ["git", "log", "--", "x"], "git log -- x"),
    ],
)
def test_one_word_with_shell_syntax_is_a_command_line_and_several_are_arguments(
    words: tuple[str, ...], argv: list[str], text: str
) -> None:
    command = Command(words)
    assert (command.argv(), command.text()) == (argv, text)


@pytest.mark.parametrize(
    ("argv", "ours", "command"),
    [
        (["run", "--app", "a", "--", "ls", "--app", "b"], ["run", "--app", "a"], ["ls", "--app", "b"]),
        (["run", "--app", "a", "--", "git", "log", "--", "x"], ["run", "--app", "a"], ["git", "log", "--", "x"]),
        (["run", "--app", "a", "--"], ["run", "--app", "a"], []),
        (["run", "--app", "a"], ["run", "--app", "a"], []),
        (["status", "--", "x"], ["status", "--", "x"], []),
    ],
)
def test_everything_after_the_first_two_hyphens_is_the_command(
    argv: list[str], ours: list[str], command: list[str]
) -> None:
    assert cli.split(argv) == (ours, command)


def test_a_unit_says_nothing_that_not_every_user_may_read() -> None:
    properties = Begun(APP, 3, BUILT).properties()
    assert "User=shop" in properties
    assert "ProtectSystem=strict" in properties
    assert [each for each in properties if each.startswith("ReadWritePaths")] == ["ReadWritePaths=/srv/shop/data"]
    assert "RuntimeMaxSec=86400" in properties
    assert "LoadCredential=launch:/etc/launchpad/shop/runs/3.json" in properties
    assert not [each for each in properties if each.startswith(("Environment", "StandardInput", "ExecStart="))]


def test_no_unit_of_another_app_looks_like_a_run_of_this_one() -> None:
    for other in (App(name) for name in ("a-run", "a-run-1", "run", "b")):
        units = {other.run(1), other.task("task"), other.task("run"), other.unit("run"), other.cache_unit}
        units |= {other.unit("job-x"), other.backup("pack-data"), at_boot.unit(other).name}
        assert not fnmatch.filter(units, App("a").every_run)
    assert fnmatch.fnmatch(App("a").run(17), App("a").every_run)


@pytest.mark.parametrize(
    ("code", "status", "found"),
    [
        ("exited", "0", 0),
        ("exited", "3", 3),
        ("killed", "TERM", 143),
        ("killed", "KILL", 137),
        ("dumped", "SEGV", 139),
        ("killed", "RTMIN+3", 255),
        ("", "", None),
    ],
)
def test_an_exit_status_is_what_a_shell_would_say(code: str, status: str, found: int | None) -> None:
    assert run_history.status_of(code, status) == found


def record(number: int, *events: dict[str, object]) -> str:
    begun = {"event": "begin", "when": 100.0, "release": "abc", "revision": "abc123", "command": "x", "who": "me"}
    return "\n".join(json.dumps({"number": number, **event}) for event in (begun, *events)) + "\n"


def ended(result: str, code: str, status: str) -> dict[str, object]:
    return {"event": "end", "ended": 102.5, "service_result": result, "exit_code": code, "exit_status": status}


NOTE: dict[str, object] = {"event": "note", "reason": "The connection was lost."}


@pytest.mark.parametrize(
    ("events", "seconds", "result", "reason", "status"),
    [
        ([ended("success", "exited", "0")], 2.5, "ok", "", 0),
        ([ended("exit-code", "exited", "3")], 2.5, "failed", "exit status 3", 3),
        ([ended("signal", "killed", "KILL")], 2.5, "failed", "it was killed by SIGKILL", 137),
        ([ended("oom-kill", "killed", "KILL")], 2.5, "failed", run_history.REASONS["oom-kill"], 137),
        ([ended("timeout", "killed", "TERM")], 2.5, "failed", run_history.REASONS["timeout"], 143),
        ([ended("resources", "", "")], 2.5, "failed", "it could not be started", None),
        ([NOTE, ended("success", "killed", "TERM")], 2.5, "interrupted", "The connection was lost.", 143),
        ([ended("success", "killed", "TERM"), NOTE], 2.5, "interrupted", "The connection was lost.", 143),
        ([], None, "interrupted", "", None),
    ],
)
def test_the_record_says_how_a_command_ended(
    events: list[dict[str, object]], seconds: float | None, result: str, reason: str, status: int | None
) -> None:
    expected = Run(4, "abc", "abc123", "x", 100.0, "me", seconds, result, reason, status)
    assert run_history.parse(record(4, *events) + '{"event": "beg') == [expected]


def test_a_command_that_is_under_way_is_running() -> None:
    assert [run.result for run in run_history.parse(record(4) + record(5), frozenset({5}))] == [
        "interrupted",
        "running",
    ]


def test_no_run_is_taken_for_a_deployment() -> None:
    (run,) = run_history.parse(record(4, ended("success", "exited", "0")))
    entry = run.entry()
    assert (entry.kind, entry.what, entry.served, entry.result) == ("run", "run", False, "ok")
    deployed = history.Entry(1, "abc", "abc123", "Say it", 90.0, "me", 1.0, "interrupted", "", "deploy")
    lines = history_table.table([deployed, entry], "abc", running=True).splitlines()
    assert "ok (run)" in lines[1]
    assert "under way" in lines[2]
    assert not lines[1].startswith("*")


def test_bytes_go_through_unchanged_in_both_directions_and_nothing_is_lost_at_the_end(tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "in").write_bytes(data)
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin and child.stdout
    with (tmp_path / "in").open("rb") as source, (tmp_path / "out").open("wb") as target:
        entrance = os.dup(child.stdin.fileno())
        child.stdin.close()
        channels = [
            Channel(source.fileno(), entrance, inward=True, closes=True),
            Channel(child.stdout.fileno(), target.fileno(), inward=False),
        ]
        relay.carry(child.pid, channels, readers=())
    assert child.wait() == 0
    assert (tmp_path / "out").read_bytes() == data


def test_a_program_that_does_not_read_ends_all_the_same() -> None:
    child = subprocess.Popen(["true"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin and child.stdout
    entrance = os.dup(child.stdin.fileno())
    child.stdin.close()
    with Path("/dev/zero").open("rb") as source, Path(os.devnull).open("wb") as target:
        channels = [
            Channel(source.fileno(), entrance, inward=True, closes=True),
            Channel(child.stdout.fileno(), target.fileno(), inward=False),
        ]
        relay.carry(child.pid, channels, readers=())
    assert child.wait() == 0


def test_a_reader_that_goes_ends_it() -> None:
    child = subprocess.Popen(["sleep", "60"], stdout=subprocess.PIPE)
    assert child.stdout
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(relay.ReaderGone):
        relay.carry(child.pid, [Channel(child.stdout.fileno(), writer, inward=False)], readers=(writer,))
    child.kill()
    child.wait()
    os.close(writer)
