"""The doctor: what would keep an up from working."""

import os
import platform
import shutil
import subprocess
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest

from cli import computer, doctor, root
from cli.failure import Failure
from cli.finding import Finding, State
from cli.project import Project
from cli.stack import Stack


class Usage(NamedTuple):
    """Of a disk, as shutil tells it."""

    free: int


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack with an embedded machine on this computer, which has all that it takes."""
    (tmp_path / "Pulumi.yaml").write_text("name: launchpad\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  launchpad:machine: embedded\n")
    monkeypatch.setenv("LAUNCHPAD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(shutil, "which", lambda program, **_: f"/usr/bin/{program}")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100 * 2**30))
    return Stack(Project(tmp_path), "dev")


def states(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.about, finding.state.value) for finding in findings]


def test_an_embedded_machine_on_another_system_is_a_problem(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert states(computer.kind(stack)) == [("system", "problem")]
    stack.file.write_text("config:\n  launchpad:machine: ec2\n")
    assert states(computer.kind(stack)) == [("system", "ok")]


@pytest.mark.parametrize(("apt", "state"), [("/usr/bin/apt-get", "warning"), (None, "problem")])
def test_missing_programs_are_named_by_package(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, apt: str | None, state: str
) -> None:
    there = {"apt-get": apt, "nft": None}
    monkeypatch.setattr(shutil, "which", lambda program, **_: there.get(program, program))
    (found,) = computer.programs(stack)
    assert (found.state, "missing: nftables" in found.text) == (state, True)


def test_a_user_without_sudo_is_a_problem(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(root, "sudo_is_free", lambda: True)
    assert states(computer.rights(stack)) == [("root", "ok")]
    monkeypatch.setattr(root, "sudo_is_free", lambda: False)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    assert states(computer.rights(stack)) == [("root", "problem")]


def test_a_full_disk_is_a_problem(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    assert states(computer.room(stack)) == [("room for cache", "ok"), ("room for machines", "ok")]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(2**28))
    assert states(computer.room(stack)) == [("room for cache", "problem"), ("room for machines", "problem")]


def test_a_toolchain_that_is_not_here_yet_stops_nothing(stack: Stack) -> None:
    assert states(computer.pulumi(stack)) == [("pulumi", "warning")]


def test_a_plugin_that_the_kind_of_machine_takes_is_named_with_its_version(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.file.write_text("config:\n  launchpad:machine: ec2\n")
    program = stack.project.root / ".launchpad/bin/pulumi"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho v3.274.1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PULUMI_HOME", str(stack.project.root))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    *_, found = computer.pulumi(stack)
    assert (found.state, found.text) == (
        State.PROBLEM,
        f"machine ec2 needs it: pulumi plugin install resource aws {metadata.version('pulumi-aws')}",
    )


def test_each_mistake_in_the_config_is_a_problem(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    no_pulumi(stack, monkeypatch)
    stack.file.write_text("config:\n  launchpad:embedded.memory: lots\n  launchpad:http_port: 22\n")
    assert states(doctor.settings(stack)) == [("config", "problem")] * 2


def test_a_server_without_a_key_to_log_in_with_is_a_problem(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    no_pulumi(stack, monkeypatch)
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
    stack.file.write_text(
        f"config:\n  launchpad:machine: server\n  launchpad:server.host: vps\n  launchpad:server.host_key: {key}\n"
    )
    _, found, *_ = doctor.settings(stack)
    assert (found.about, found.state) == ("machine", State.PROBLEM)
    assert found.text.startswith("launchpad:server.private_key is empty, and there is no ssh agent")


def test_a_repository_that_is_not_there_is_a_problem(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    no_pulumi(stack, monkeypatch)
    stack.file.write_text("config:\n  launchpad:repository: /nowhere\n")
    assert states(doctor.settings(stack)) == [("config", "ok"), ("repository", "problem")]


FLASK = "from flask import Flask\napp = Flask(__name__)\n"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"app.py": FLASK, "requirements.txt": "flask\n"}, ("plan", "ok", "Flask: gunicorn --thread")),
        ({"requirements.txt": "flask\n"}, ("plan", "problem", "dev-app cannot be deployed from ./app at ")),
        ({"app.py": FLASK}, ("plan", "problem", "dev-app cannot be deployed from ./app at ")),
        ({".launchpad/hooks/before_build": "", "app.py": ""}, ("plan", "warning", "the machine makes it: ")),
    ],
    ids=["it can be deployed", "nothing says how it starts", "nothing says what it needs", "only the machine knows"],
)
def test_what_the_plan_refuses_is_a_problem(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], told: tuple[str, str, str]
) -> None:
    no_pulumi(stack, monkeypatch)
    secret = "  launchpad:secrets:\n    TOKEN:\n      secure: v1:abc\n"
    stack.file.write_text(f"config:\n  launchpad:app: dev-app\n{secret}")
    commit(stack.project.root / "app", files)
    monkeypatch.chdir(stack.project.root)
    *_, found = doctor.settings(stack)
    assert (found.about, found.state.value, found.text[: len(told[2])]) == told


def commit(path: Path, files: dict[str, str]) -> None:
    """A repository with one commit."""
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "First")):
        subprocess.run(["git", *identity, "-C", path, *words], check=True)


def test_each_of_several_apps_is_examined_by_its_name_although_something_is_encrypted(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_pulumi(stack, monkeypatch)
    commit(tmp_path / "shop", {"app.py": FLASK, "requirements.txt": "flask\n"})
    secret = "{TOKEN: {secure: v1:x}}"
    shop = f"shop: {{repository: {tmp_path}/shop, secrets: {secret}}}"
    stack.file.write_text(f"config:\n  launchpad:apps: {{{shop}, blog: {{repository: /nowhere, http_port: 8080}}}}\n")
    found = states(doctor.settings(stack))
    assert found == [("config", "ok"), ("repository blog", "problem"), ("repository shop", "ok"), ("plan shop", "ok")]


def test_a_finding_of_several_lines_stays_in_its_column() -> None:
    assert doctor.lines([Finding("plan", State.PROBLEM, "no\nbecause")]) == ["PROBLEM plan  no\n              because"]


def no_pulumi(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pulumi know nothing of the stack."""
    program = stack.project.root / "pulumi"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


@pytest.mark.parametrize(("state", "stops"), [(State.OK, False), (State.WARNING, False), (State.PROBLEM, True)])
def test_only_a_problem_ends_with_an_error(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], state: State, stops: bool
) -> None:
    monkeypatch.setattr(doctor, "examine", lambda _: [Finding("room", state, "little")])
    if stops:
        with pytest.raises(Failure):
            doctor.doctor(stack)
    else:
        doctor.doctor(stack)
    assert capsys.readouterr().out == f"{doctor.MARKS[state]:8}room  little\n"
