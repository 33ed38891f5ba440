"""The Procfile: what is a process, what is a mistake, and how a command line is started."""

import pytest

from infra.host import layout, procfile
from infra.host.failure import Failure


def test_processes_comments_and_empty_lines() -> None:
    text = "# all of it\nweb: gunicorn app:app --bind $HOST:$PORT\n\nrelease:python manage.py migrate\r\nqueue-1: rq worker\n"
    assert procfile.parse(text) == {
        "web": "gunicorn app:app --bind $HOST:$PORT",
        "release": "python manage.py migrate",
        "queue-1": "rq worker",
    }


def test_all_mistakes_at_once() -> None:
    with pytest.raises(Failure) as caught:
        procfile.parse("web gunicorn\nblue: x\nworker: a\nworker: b\nempty:\n")
    assert str(caught.value) == (
        "Procfile is not right:\n"
        "  line 1 is 'web gunicorn'; allowed: \"name: command\"\n"
        "  line 4: there are two processes called worker\n"
        "  line 5 is 'empty:'; allowed: \"name: command\""
    )


def test_a_set_command_replaces_web_and_keeps_the_rest() -> None:
    assert procfile.processes("worker: w\nweb: old\n", "new") == {"web": "new", "worker": "w"}
    assert procfile.processes(None, "new") == {"web": "new"}


@pytest.mark.parametrize(
    ("text", "start"), [("worker: w\n", "the Procfile has no web: line"), (None, "the app has no Procfile")]
)
def test_nothing_says_how_to_start(text: str | None, start: str) -> None:
    with pytest.raises(Failure, match=f"^{start} and no command is set"):
        procfile.processes(text, None)


@pytest.mark.parametrize(
    "command", ["gunicorn app:app", "exec gunicorn app:app", "A=1 B='x y' gunicorn app", "a && b", "a | b", "time a"]
)
def test_a_command_line_is_left_to_bash(command: str) -> None:
    assert procfile.shell(command) == ["/bin/bash", "-c", command]


@pytest.mark.parametrize("name", ["task", "blue", "green", "proxy", "Worker", "-", "a" * 100])
def test_a_process_may_be_called_anything(name: str) -> None:
    assert procfile.parse(f"web: a\n{name}: b\n") == {"web": "a", name: "b"}
    assert layout.process(layout.instance(name)) == name
    assert layout.instance(name) not in layout.SLOTS


def test_names_that_differ_by_case_are_two_processes() -> None:
    assert procfile.parse("a: 1\nA: 2\n") == {"a": "1", "A": "2"}


def test_what_no_program_can_be_started_with_is_refused_by_name() -> None:
    with pytest.raises(Failure) as caught:
        procfile.parse(f"web: {'x' * 100_001}\n{'n' * 101}: a\nzero: a\0b\n")
    assert str(caught.value) == (
        "Procfile is not right:\n"
        "  line 1: the command of web is longer than 100000 bytes; put it into a script\n"
        "  line 2: the name nnnnnnnnnnnnnnnnnnnn... is longer than 100 characters\n"
        "  line 3: the command of zero contains a zero byte"
    )
