"""The Procfile: what is a process, what is a mistake, and how a command line is started."""

from typing import Any

import pytest

from infra.agent.process.shell import shell
from infra.agent.system import instances
from infra.app_model import processes, procfile
from infra.app_model.files import AppError, MemoryFiles
from infra.protocol.app_settings import Process
from infra.protocol.specs import DeploySpec, Source


def settings(**spec: Any) -> DeploySpec:
    """Settings with some of their fields."""
    return DeploySpec("app", Source("pushed"), **spec)


def test_processes_comments_and_empty_lines() -> None:
    text = "# all of it\nweb: gunicorn app:app --bind $HOST:$PORT\n\nrelease:python manage.py migrate\r\nqueue-1: rq worker\n"
    assert procfile.parse(text) == {
        "web": "gunicorn app:app --bind $HOST:$PORT",
        "release": "python manage.py migrate",
        "queue-1": "rq worker",
    }


def test_all_mistakes_at_once() -> None:
    with pytest.raises(AppError) as caught:
        procfile.parse("web gunicorn\nblue: x\nworker: a\nworker: b\nempty:\n")
    assert str(caught.value) == (
        "Procfile is not right:\n"
        "  line 1 is 'web gunicorn'; allowed: \"name: command\"\n"
        "  line 4: there are two processes called worker\n"
        "  line 5 is 'empty:'; allowed: \"name: command\""
    )


def test_a_set_command_replaces_web_and_keeps_the_rest() -> None:
    files = MemoryFiles({"Procfile": "worker: w\nweb: old\n"})
    assert processes.commands(files, settings(command="new"), {}) == {"web": "new", "worker": "w"}
    assert processes.commands(MemoryFiles({}), settings(command="new"), {}) == {"web": "new"}


def test_processes_of_the_settings_win_over_the_procfile() -> None:
    files = MemoryFiles({"Procfile": "worker: w\nweb: old\nrelease: r\n"})
    wanted = settings(processes=(Process("worker", "new"), Process("release", disabled=True), Process("beat", "b")))
    assert processes.commands(files, wanted, {"web": "guess", "release": "g"}) == {
        "web": "old",
        "worker": "new",
        "beat": "b",
    }
    assert processes.commands(MemoryFiles({}), wanted, {"web": "guess", "release": "g"}) == {
        "web": "guess",
        "worker": "new",
        "beat": "b",
    }


@pytest.mark.parametrize(
    ("text", "start"), [("worker: w\n", "the Procfile has no web: line"), (None, "the app has no Procfile")]
)
def test_nothing_says_how_to_start(text: str | None, start: str) -> None:
    with pytest.raises(AppError, match=f"^{start} and no command is set"):
        processes.commands(MemoryFiles({} if text is None else {"Procfile": text}), settings(), {})


@pytest.mark.parametrize(
    "command", ["gunicorn app:app", "exec gunicorn app:app", "A=1 B='x y' gunicorn app", "a && b", "a | b", "time a"]
)
def test_a_command_line_is_left_to_bash(command: str) -> None:
    assert shell(command) == ["/bin/bash", "-c", command]


@pytest.mark.parametrize("name", ["task", "blue", "green", "proxy", "Worker", "-", "a" * 100])
def test_a_process_may_be_called_anything(name: str) -> None:
    assert procfile.parse(f"web: a\n{name}: b\n") == {"web": "a", name: "b"}
    assert instances.process(instances.instance(name)) == name
    assert instances.instance(name) not in instances.SLOTS


def test_names_that_differ_by_case_are_two_processes() -> None:
    assert procfile.parse("a: 1\nA: 2\n") == {"a": "1", "A": "2"}


def test_what_no_program_can_be_started_with_is_refused_by_name() -> None:
    with pytest.raises(AppError) as caught:
        procfile.parse(f"web: {'x' * 100_001}\n{'n' * 101}: a\nzero: a\0b\n")
    assert str(caught.value) == (
        "Procfile is not right:\n"
        "  line 1: the command of web must be a command line of at most 100000 bytes; put it into a script\n"
        "  line 2: the name nnnnnnnnnnnnnnnnnnnn... is longer than 100 characters\n"
        "  line 3: the command of zero must be a command line without zero bytes"
    )


@pytest.mark.parametrize("line", ["w{}: x", "cron: * * * * * x", "cron.j{}: @daily x"])
def test_a_machine_gets_no_more_units_than_an_app_can_need(line: str) -> None:
    lines = [line.format(number) for number in range(100)]
    assert len(procfile.read("\n".join(lines)).processes | procfile.read("\n".join(lines)).jobs) == 100
    with pytest.raises(AppError) as caught:
        procfile.read("\n".join([*lines, *(f"more{number}: x" for number in range(10_000))]))
    told = str(caught.value).splitlines()
    assert told[1] == "  line 101: there are more than 100 processes and jobs"
    assert (len(told), told[-1]) == (22, "  and 9980 more")
