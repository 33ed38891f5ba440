"""The Procfile: what is a process, what is a mistake, and how a command line is started."""

import pytest

from infra.host import procfile
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
        "  line 2: a process cannot be called blue (that is a slot of web)\n"
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
    ("command", "script"),
    [
        ("gunicorn app:app", "exec gunicorn app:app"),
        ("gunicorn --bind 0.0.0.0:${PORT:-80} app:app", "exec gunicorn --bind 0.0.0.0:${PORT:-80} app:app"),
        ("A=1 B='x y' gunicorn app", "exec env A=1 B='x y' gunicorn app"),
        ("cd web && gunicorn app", "cd web && gunicorn app"),
        ("python a.py; python b.py", "python a.py; python b.py"),
        ("python a.py | tee log", "python a.py | tee log"),
        ("export A=1", "export A=1"),
    ],
)
def test_shell(command: str, script: str) -> None:
    assert procfile.shell(command) == ["/bin/bash", "-c", script]
