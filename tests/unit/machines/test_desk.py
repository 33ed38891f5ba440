"""How the driver is asked, and what is said where it cannot be."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from infra.machines.embedded import desk, disk, driver
from infra.machines.embedded.shell import MachineError


class Programs:
    """Stands in for subprocess.run: records calls, and answers with exit codes and output."""

    def __init__(self, *answers: tuple[int, str]) -> None:
        self.answers = list(answers)
        self.calls: list[list[str]] = []
        self.requests: list[Any] = []

    def run(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        self.calls.append(command)
        self.requests.append(json.loads(options["input"]) if "input" in options else None)
        status, output = self.answers.pop(0)
        return subprocess.CompletedProcess(command, status, stdout=output)


def use(monkeypatch: pytest.MonkeyPatch, programs: Programs, *, root: bool, sudo: bool) -> None:
    monkeypatch.setattr("infra.machines.embedded.desk.subprocess.run", programs.run)
    monkeypatch.setattr("infra.machines.embedded.desk.os.geteuid", lambda: 0 if root else 1000)
    monkeypatch.setattr("infra.machines.embedded.desk.shutil.which", lambda _: "/usr/bin/sudo" if sudo else None)


def test_root_asks_the_driver_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = Programs((0, '{"state": "absent"}'))
    use(monkeypatch, programs, root=True, sudo=False)
    monkeypatch.setenv("LAUNCHPAD_MACHINES", "/m")
    monkeypatch.setenv("LAUNCHPAD_CACHE", "/c")
    monkeypatch.setenv("https_proxy", "http://proxy:1")
    for name in ("http_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    assert desk.ask("inspect", id="lp1") == {"state": "absent"}
    assert programs.calls == [[sys.executable, "-B", "-m", "infra.machines.embedded.driver", "inspect"]]
    assert programs.requests == [
        {"machines": "/m", "cache": "/c", "proxies": {"https_proxy": "http://proxy:1"}, "id": "lp1"}
    ]


def test_others_ask_through_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = Programs((0, ""), (0, "{}"))
    use(monkeypatch, programs, root=False, sudo=True)
    desk.ask("inspect", id="lp1")

    assert programs.calls[0] == ["sudo", "-n", "true"]
    assert programs.calls[1][:3] == ["sudo", "-n", sys.executable]


@pytest.mark.parametrize("sudo", [True, False])
def test_without_root_it_says_what_is_needed(monkeypatch: pytest.MonkeyPatch, sudo: bool) -> None:
    use(monkeypatch, Programs((1, "")), root=False, sudo=sudo)

    with pytest.raises(MachineError, match=r"needs root.*Run `sudo -v` first"):
        desk.ask("inspect", id="lp1")


def test_on_another_system_it_says_what_else_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.machines.embedded.desk.sys.platform", "darwin")

    with pytest.raises(MachineError, match="this computer does not run Linux"):
        desk.ask("inspect", id="lp1")


def test_the_drivers_error_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Programs((1, '{"error": "No address is left."}')), root=True, sudo=False)

    with pytest.raises(MachineError, match=r"^No address is left\.$"):
        desk.ask("ensure")


def test_a_killed_driver_is_an_error_too(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Programs((-9, "")), root=True, sudo=False)

    with pytest.raises(MachineError, match=r"ended without an answer \(exit -9\)"):
        desk.ask("ensure")


def test_missing_programs_are_named_by_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "infra.machines.embedded.driver.shutil.which",
        lambda program, **_: None if program in ("nft", "ip") else program,
    )

    with pytest.raises(MachineError, match=r"Run: apt-get install iproute2 nftables\b"):
        driver.check_programs()


def test_too_little_space_says_where_how_much_and_how_much_is_free(tmp_path: Any) -> None:
    with pytest.raises(MachineError, match=rf"Not enough disk space in {tmp_path}: 1024T are needed, .* are free"):
        disk.need_space(tmp_path, 2**50)
