"""The settings that a person is asked for or gives."""

import subprocess
from pathlib import Path

import pytest

from cli import init
from cli.failure import Failure
from cli.project import Project
from cli.stack import Stack


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack without settings, in a clone with an app beside it."""
    root = tmp_path / "clone"
    for folder in (root / "app", tmp_path / "shop"):
        folder.mkdir(parents=True)
        subprocess.run(["git", "init", "--quiet", folder], check=True)
    (root / "Pulumi.yaml").write_text("name: launchpad\n")
    monkeypatch.chdir(root)
    monkeypatch.delenv("LAUNCHPAD_FOLDER", raising=False)
    return Stack(Project(root), "new")


def test_what_is_given_is_written(stack: Stack) -> None:
    init.init(stack, {"repository": "../shop", "app": "shop", "embedded.memory": "2G"})
    assert stack.file.read_text() == (
        "# Stack new.\nconfig:\n"
        f"  launchpad:repository: {stack.project.root.parent}/shop\n  launchpad:app: shop\n  launchpad:embedded.memory: 2G\n"
    )


def test_with_a_mistake_in_it_nothing_is_written(stack: Stack) -> None:
    with pytest.raises(Failure) as caught:
        init.init(stack, {"repository": "./app", "embedded.memory": "lots", "app": "Not A Name"})
    assert all(f"launchpad:{key} is" in str(caught.value) for key in ("embedded.memory", "app"))
    assert not stack.file.exists()


def test_a_repository_that_is_not_there_is_told_before_anything_is_written(stack: Stack) -> None:
    with pytest.raises(Failure, match="does not exist"):
        init.init(stack, {"repository": "../nowhere"})
    assert not stack.file.exists()


def test_with_nobody_to_ask_and_nothing_given_it_says_so(stack: Stack) -> None:
    with pytest.raises(Failure, match="nothing to write"):
        init.init(stack, {})


def test_a_person_is_asked_for_what_is_open(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def answer(question: str, **_: object) -> str:
        asked.append(question.split(":", maxsplit=1)[0].split(" (", maxsplit=1)[0])
        return {"The app's name": "shop", "The app's git repository": "./app"}.get(asked[-1], "")

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.prompt", answer)
    init.init(stack, {"machine": "embedded"})
    assert asked == ["The app's git repository", "The app's name", "Host name for HTTPS"]
    assert "launchpad:app: shop" in stack.file.read_text()


@pytest.mark.parametrize(
    ("typed", "folder", "written"),
    [
        ("app", "/clone", "./app"),
        ("../app", "/clone/infra", "./app"),
        ("../shop", "/clone", "/shop"),
        ("https://example.org/x.git", "/clone", "https://example.org/x.git"),
        ("git@example.org:x.git", "/clone", "git@example.org:x.git"),
    ],
)
def test_a_path_means_what_it_meant_where_it_was_typed(typed: str, folder: str, written: str) -> None:
    assert init.repository(typed, Path("/clone"), Path(folder)) == written


def test_another_key_is_given_by_name() -> None:
    assert init.pairs(["embedded.memory=2G", "launchpad:command=a=b"]) == {"embedded.memory": "2G", "command": "a=b"}
    with pytest.raises(Failure, match="KEY=VALUE"):
        init.pairs(["memory"])


@pytest.mark.parametrize(
    ("key", "answer", "value"),
    [
        ("ssh_cidrs", "203.0.113.7/32, 198.51.100.0/24", ["203.0.113.7/32", "198.51.100.0/24"]),
        ("ssh_cidrs", '["203.0.113.7/32"]', ["203.0.113.7/32"]),
        ("env", "{A: b}", {"A": "b"}),
        ("python", "3.10", "3.10"),
        ("command", "{", "{"),
        ("nope", "a, b", "a, b"),
    ],
)
def test_an_answer_becomes_a_value_of_the_keys_kind(key: str, answer: str, value: object) -> None:
    assert init.value_of(key, answer) == value


def test_what_a_kind_of_machine_needs_besides_is_asked_for(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def answer(question: str, **_: object) -> str:
        asked.append(question.split(":", maxsplit=1)[0])
        return {"ec2.region": "eu-central-1", "ssh_cidrs": "203.0.113.7/32"}[asked[-1]]

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.prompt", answer)
    init.init(stack, {"machine": "ec2", "repository": "./app", "app": "app", "domain": "a.example"})
    assert asked == ["ec2.region", "ssh_cidrs"]
    assert "launchpad:ec2.region: eu-central-1\n  launchpad:ssh_cidrs: [203.0.113.7/32]\n" in stack.file.read_text()


def test_a_servers_host_key_is_left_to_the_command_that_fetches_it(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = {"repository": "./app", "app": "shop", "machine": "server"}
    with pytest.raises(Failure, match=r"\n  - launchpad:server\.host is empty"):
        init.init(stack, server)
    assert not stack.file.exists()
    init.init(stack, {**server, "server.host": "203.0.113.7"})
    assert "launchpad:server.host: 203.0.113.7" in stack.file.read_text()
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "Still to do: launchpad:server.host_key is empty; it must be the server's public host key. To fetch it, compare its "
        "fingerprint and set it: launchpad trust 203.0.113.7",
        "Next: launchpad doctor -s new, then launchpad up -s new",
    ]
    stack.file.unlink()
    asked: list[str] = []

    def answer(question: str, **_: object) -> str:
        asked.append(question)
        return "203.0.113.7"

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.prompt", answer)
    init.init(stack, {**server, "domain": "a.example"})
    assert [question.split(":")[0] for question in asked] == ["server.host"]


@pytest.mark.parametrize(("system", "kind"), [("Linux", "embedded"), ("Darwin", "ec2")])
def test_the_kind_of_machine_that_is_offered_can_run_here(
    monkeypatch: pytest.MonkeyPatch, system: str, kind: str
) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    assert init.machine_here(("embedded", "ec2")) == kind


def test_enter_keeps_what_is(stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    stack.file.write_text(
        "config:\n  launchpad:machine: embedded\n  launchpad:repository: ./app\n  launchpad:app: shop\n"
    )
    before = stack.file.read_text()
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.prompt", lambda _, default, **__: default)
    init.init(stack, {})
    assert (stack.file.read_text(), capsys.readouterr().err) == (before, "nothing to change in Pulumi.new.yaml\n")


def test_the_kinds_of_machine_are_a_list_before_the_question(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(question: str, default: str, **_: object) -> str:
        asked.append(question)
        return default

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.prompt", answer)
    init.init(stack, {"repository": "./app", "app": "shop", "domain": "a.example"})
    (question,) = asked
    assert question.splitlines()[0] == "Kinds of machine:"
    assert "\n  ec2       an instance" in question
    assert question.splitlines()[-1] == "Kind of machine"


@pytest.mark.parametrize(
    ("repository", "comment"),
    [("../shop", "# Stack new. Written here."), ("./app", "# Stack new: the demo app of this repository on")],
)
def test_another_app_is_not_called_the_demo_app(stack: Stack, repository: str, comment: str) -> None:
    stack.file.write_text(
        "# Stack new: the demo app of this repository on an embedded machine. Written here.\n"
        "config:\n  launchpad:machine: embedded\n"
    )
    init.init(stack, {"repository": repository, "app": "shop"})
    assert stack.file.read_text().startswith(comment)


def test_an_app_that_is_up_already_is_named_before_another_takes_its_place(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{stack.project.state}")
    stack.state.parent.mkdir(parents=True)
    stack.state.write_text('{"urn": "urn:pulumi:new::launchpad::launchpad:infra:Deployment::old"}')
    init.init(stack, {"repository": "../shop", "app": "shop"})
    assert (
        "old is up in stack new. The next up takes it off the machine once shop serves; until then it has its "
        "http_port or domain, so give the new one another\n"
    ) in capsys.readouterr().err
    init.init(stack, {"app": "old"})
    assert "is up in" not in capsys.readouterr().err
