"""The commands that reach a machine."""

import os
import shlex
from pathlib import Path

import pytest

from cli.project import Project
from cli.remote import TTY, Login, login
from cli.stack import Stack
from infra import ssh

SSH = ("ssh", "-i", "/a clone/key", "deploy@198.18.0.2")


def test_words_for_the_agent_arrive_as_they_were_typed() -> None:
    words = Login(SSH, "shop").agent("run", "--who", "me@here", "--", "sh", "-c", 'echo "$HOME" a  b')
    assert words == [*SSH, "sudo launchpad-agent run --app shop --who me@here -- sh -c 'echo \"$HOME\" a  b'"]


def test_root_asks_the_agent_without_sudo() -> None:
    assert Login(("ssh", "root@vps"), "shop").agent("status") == [
        "ssh",
        "root@vps",
        "launchpad-agent status --app shop",
    ]


def test_a_terminal_is_asked_for_where_there_is_one() -> None:
    assert Login(SSH, "shop").agent("console", tty=True) == [*SSH, *TTY, "sudo launchpad-agent console --app shop"]


def test_a_shell_gets_its_command_as_ssh_puts_it_together() -> None:
    assert Login(SSH, "shop").shell(["sudo journalctl | tail"]) == [*SSH, "sudo journalctl | tail"]
    assert Login(SSH, "shop").shell([]) == [*SSH]


def begun(root: Path, folder: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stack of app shop whose first up failed: pulumi knows no outputs; gives the folder for its files."""
    (root / "Pulumi.yaml").write_text("name: launchpad\n")
    (root / "Pulumi.dev.yaml").write_text("config:\n  launchpad:app: shop\n")
    access = root / ".launchpad/dev" / folder
    access.mkdir(parents=True)
    (root / "pulumi").write_text("#!/bin/sh\nexit 1\n")
    (root / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{root}:{os.environ['PATH']}")
    return access


def test_a_server_whose_first_up_failed_is_reached_as_its_settings_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = begun(tmp_path, "shop", monkeypatch)
    way = ssh.Login(ssh.Endpoint("10.0.0.5", "root", 2222, own_key=False), ssh.Endpoint("bastion.example.org", "ada"))
    (access / "known_hosts").write_text("[10.0.0.5]:2222 ssh-ed25519 AAAA\n")
    (access / "login.json").write_text(way.text())
    found = login(Stack(Project(tmp_path), "dev"))
    assert list(found.ssh) == shlex.split(ssh.command_line(access, way))
    assert found.ssh[-3:] == ("-p", "2222", "root@10.0.0.5")


@pytest.mark.parametrize(
    ("folder", "host", "end"),
    [
        (".", "198.18.0.2", ("-p", "22", "deploy@198.18.0.2")),
        ("shop", "[203.0.113.7]:2222", ("-p", "2222", "deploy@203.0.113.7")),
    ],
)
def test_a_machine_whose_first_up_failed_is_reached_by_the_files_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, host: str, end: tuple[str, ...]
) -> None:
    access = begun(tmp_path, folder, monkeypatch)
    (access / "known_hosts").write_text(f"{host} ssh-ed25519 AAAA\n")
    found = login(Stack(Project(tmp_path), "dev"))
    assert (found.app, found.ssh[-3:]) == ("shop", end)
    assert found.ssh[2] == str(access / "key")
