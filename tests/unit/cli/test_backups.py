"""What a person is asked before a backup takes the place of data, and what the machine is told."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import backups, config, main, remote
from cli.config import Config
from cli.failure import Failure
from cli.project import Project
from cli.stack import Stack

PASSWORD = "correct horse battery"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, Any]]]:
    """The commands that would be run over SSH."""
    calls: list[tuple[list[str], dict[str, Any]]] = []

    def run(argv: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        calls.append((argv, options))
        return subprocess.CompletedProcess(argv, 0)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(remote, "who", lambda: "ana@desk")
    monkeypatch.setattr(remote, "reach", lambda _stack: remote.Reach(("ssh", "deploy@192.0.2.1"), ("shop",)))
    held = {"app": "shop", "backup.repository": "s3:https://host/a", "backup.password": PASSWORD}
    keys = {"backup.access_key": "AKIA", "backup.secret_key": "hush"}
    secret = frozenset({"backup.password", *keys})
    monkeypatch.setattr(config, "of_stack", lambda _stack: Config({**held, **keys}, secret))
    return calls


def stack(name: str, root: Path) -> Stack:
    (root / "Pulumi.yaml").write_text("name: launchpad\n")
    (root / f"Pulumi.{name}.yaml").write_text("config:\n  launchpad:app: shop\n")
    return Stack(Project(root), name)


def test_the_machine_restores_from_its_own_repository(asked: list[Any], tmp_path: Path) -> None:
    assert backups.restore(stack("prod", tmp_path), "", "e64a23a3", None, yes=True) == 0
    ((argv, options),) = asked
    assert argv[-1] == "sudo launchpad-agent backup --app shop restore --who ana@desk --snapshot e64a23a3"
    assert (options["stdin"], options["stdout"]) == (subprocess.DEVNULL, subprocess.DEVNULL)
    assert backups.restore(stack("prod", tmp_path), "", "", None, yes=True, as_json=True) == 0
    assert asked[1][1]["stdout"] is None


def test_another_stacks_machine_is_lent_the_keys_by_standard_input(asked: list[Any], tmp_path: Path) -> None:
    source, target = stack("prod", tmp_path), stack("staging", tmp_path)
    assert backups.restore(source, "", "", target, yes=True) == 0
    ((argv, options),) = asked
    assert argv[-1] == "sudo launchpad-agent backup --app shop restore --who ana@desk --of shop --spec"
    assert not any(PASSWORD in word for word in argv)
    spec = json.loads(options["input"])
    assert (spec["owner"], spec["repository"], spec["password"]) == ("launchpad/prod", "s3:https://host/a", PASSWORD)


def test_who_interrupts_a_restore_is_told_what_the_machine_does(
    asked: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(argv: list[str], **_options: Any) -> subprocess.CompletedProcess[bytes]:
        signal.raise_signal(signal.SIGINT)
        return subprocess.CompletedProcess(argv, 255)

    monkeypatch.setattr(subprocess, "run", interrupted)
    assert backups.restore(stack("prod", tmp_path), "", "", None, yes=True) == 255
    assert capsys.readouterr().err == (
        "launchpad: interrupted: a restore that has begun goes on on the machine. The data is then the former or the "
        "backup's, as a whole: launchpad status -s prod\n"
    )
    assert asked == []


def test_nothing_is_overwritten_without_a_yes(asked: list[Any], tmp_path: Path) -> None:
    with pytest.raises(Failure, match="nobody is here to confirm that data is overwritten; --yes does"):
        backups.restore(stack("prod", tmp_path), "", "", None, yes=False)
    assert asked == []


def test_the_question_names_what_is_lost() -> None:
    assert backups.question("shop", "staging", "", "shop", "prod") == (
        "The data of shop in stack staging becomes that of the newest backup of shop in stack prod. What it has written "
        "since is lost, and it is stopped meanwhile. Go on?"
    )
    assert backups.question("shop", "dev", "e64a23a3", "", "").startswith(
        "The data of shop in stack dev becomes that of snapshot e64a23a3. What"
    )


def test_the_commands_are_there() -> None:
    shown = CliRunner().invoke(main.app, ["backup", "--help"]).output
    assert all(word in shown for word in ("now", "list", "drill"))
    assert "--into" in CliRunner().invoke(main.app, ["restore", "--help"]).output
