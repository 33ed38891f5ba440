"""What is run on the machine by exact string, and what its answers are taken for."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.deployment import commands

SHA = "ab" * 20


def test_each_app_is_prepared_by_its_own_copy_of_the_agent() -> None:
    assert commands.prepare("shop", "sudo ") == "sudo python3 launchpad-agent-shop.pyz prepare"
    assert commands.agent_file("shop") == "launchpad-agent-shop.pyz"


def test_deploy_is_one_short_line() -> None:
    assert commands.deploy("shop", SHA, "sudo ") == f"sudo launchpad-agent deploy --app shop --revision {SHA}"


def test_root_needs_no_sudo() -> None:
    assert commands.prepare("shop", "") == "python3 launchpad-agent-shop.pyz prepare"
    assert commands.deploy("shop", SHA, "") == f"launchpad-agent deploy --app shop --revision {SHA}"
    for owned in (True, False):
        assert "sudo" not in commands.wait_for_ssh("root", owned=owned)


@pytest.mark.parametrize(("code", "said"), [(0, ""), (1, "error: ada may not run sudo without a password here,")])
def test_a_servers_user_who_may_not_run_sudo_is_told_at_once(tmp_path: Path, code: int, said: str) -> None:
    for name, text in {"cloud-init": "exit 0", "python3": "exit 0", "sudo": f"exit {code}"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    line = commands.wait_for_ssh("ada", owned=False)
    words = ["/bin/sh", "-c", line]
    done = subprocess.run(words, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, said in done.stderr) == (code, True)


def removing(app: str, folder: Path, sudo: str = "", data: bool = False) -> tuple[int, list[str]]:
    """Run the removal in a home; gives its exit status, and what was run as root."""
    (folder / "bin").mkdir(exist_ok=True)
    for name in ("python3", "sudo", *(["launchpad-agent"] if (folder / "installed").exists() else [])):
        (folder / "bin" / name).write_text(f'#!/bin/sh\necho "{name} $*" >>{folder}/said\nexit "${{CODE:-0}}"\n')
        (folder / "bin" / name).chmod(0o755)
    words = ["/bin/sh", "-c", commands.remove(app, sudo, "launchpad/dev", data=data)]
    code = 7 if (folder / "broken").exists() else 0
    environment = {"PATH": f"{folder}/bin:/usr/bin:/bin", "CODE": str(code)}
    done = subprocess.run(words, cwd=folder, env=environment, check=False)
    said = folder / "said"
    return done.returncode, said.read_text().splitlines() if said.exists() else []


def test_an_app_is_taken_off_a_server_by_its_own_copy_of_the_agent_which_goes_last(tmp_path: Path) -> None:
    (tmp_path / "launchpad-agent-shop.pyz").touch()
    (tmp_path / "broken").touch()
    assert removing("shop", tmp_path)[0] == 7
    assert (tmp_path / "launchpad-agent-shop.pyz").exists()
    (tmp_path / "broken").unlink()
    (tmp_path / "said").unlink()
    words = "python3 launchpad-agent-shop.pyz remove --app shop --owner launchpad/dev"
    assert removing("shop", tmp_path) == (0, [f"{words} --keep-data"])
    assert not (tmp_path / "launchpad-agent-shop.pyz").exists()
    (tmp_path / "launchpad-agent-shop.pyz").touch()
    assert removing("shop", tmp_path, "sudo ", data=True) == (0, [f"{words} --keep-data", f"sudo {words}"])


def test_an_app_whose_copy_is_gone_is_taken_off_by_the_installed_agent_and_nothing_by_nobody(tmp_path: Path) -> None:
    assert removing("shop", tmp_path) == (0, [])
    (tmp_path / "installed").touch()
    assert removing("shop", tmp_path) == (0, ["launchpad-agent remove --app shop --owner launchpad/dev --keep-data"])


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ('{"release": "abababababab-2", "changed": true}', "abababababab-2"),
        ('{"release": "abc", "changed": [secret], "built": [secret]}', "ab" * 6),
        ('{"release": "[secret]", "changed": true}', "ab" * 6),
        ('{"[secret]": "abababababab"}', "ab" * 6),
        *((said, "ab" * 6) for said in ("", "null", "[]", "7", '"release"', '{"release": 7}', "warning: x\n{}")),
    ],
)
def test_release_is_known_whatever_lies_in_the_state(said: str, name: str) -> None:
    assert commands.release(said, SHA) == name


def test_several_apps_that_come_to_a_machine_without_python_install_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "ROOTS", str(tmp_path))
    # As apt-get does, it ends where another one is at work.
    install = 'ln -s "$1" busy || exit 100; echo "$1" >>asked; [ "$1" = update ] || ln -s sh python3; rm busy'
    (tmp_path / "apt-get").write_text(f"#!/bin/sh\n{install}\n")
    (tmp_path / "apt-get").chmod(0o755)
    for name in ("sh", "flock", "ln", "rm", "sleep", "kill"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    line = commands.wait_for_ssh("root", owned=False)
    started = [
        subprocess.Popen(["/bin/sh", "-c", line], env={"PATH": str(tmp_path)}, cwd=tmp_path, stderr=subprocess.DEVNULL)
        for _ in range(5)
    ]
    assert [process.wait() for process in started] == [0] * 5
    assert (tmp_path / "asked").read_text().split() == ["update", "install"]


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "sh"])
@pytest.mark.parametrize(("python", "code"), [("exit 0", 0), (None, 100)])
def test_the_first_words_to_a_machine_are_not_silent(tmp_path: Path, shell: str, python: str | None, code: int) -> None:
    programs = {"cloud-init": "sleep 6", "sudo": "exit 100", **({"python3": python} if python else {})}
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "sleep").symlink_to("/usr/bin/sleep")
    words = [shutil.which(shell) or shell, "-c", commands.wait_for_ssh("deploy", owned=True)]
    done = subprocess.run(words, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (code, "")
    assert 1 <= done.stderr.count("the machine is still starting\n") <= 20


@pytest.mark.parametrize("said", ["", "[]", "null", '{"warnings": 1}', '{"warnings": [1, null]}', "no JSON", "{}"])
def test_a_result_without_warnings_has_none(said: str) -> None:
    assert commands.warnings(said) == []


def test_warnings_of_a_result_are_shown_as_plain_lines() -> None:
    said = json.dumps({"release": "x", "warnings": ["worker ends\n  no \x1b[31mbroker", "another"]})
    assert commands.warnings(said) == ["worker ends\n  no \N{REPLACEMENT CHARACTER}[31mbroker", "another"]


def test_the_machine_is_compared_by_the_installed_agent_and_repaired_by_its_copy() -> None:
    words = "verify --app shop --json"
    assert commands.verify("shop", "sudo ") == (
        f"sudo launchpad-agent {words}",
        f"sudo python3 launchpad-agent-shop.pyz {words}",
    )
    assert commands.repair("shop", "") == "python3 launchpad-agent-shop.pyz repair --app shop"
