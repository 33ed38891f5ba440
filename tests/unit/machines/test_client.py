"""How the driver is asked, and what is said where it cannot be."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from infra.machines.embedded import client, computer, disk, driver
from infra.machines.embedded.answers import Failed
from infra.machines.embedded.requests import Check, Ensure, Inspect, Place, ProvideBase
from infra.machines.embedded.shell import MachineError
from infra.machines.embedded.state import MachineSpec, MachineState, Owner
from infra.protocol import codec
from infra.protocol.codec import SCHEMA, MessageError, load
from infra.protocol.firewall import Rule


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
    monkeypatch.setattr("infra.machines.embedded.client.subprocess.run", programs.run)
    monkeypatch.setattr("infra.machines.embedded.client.os.geteuid", lambda: 0 if root else 1000)
    monkeypatch.setattr("infra.machines.embedded.client.shutil.which", lambda _: "/usr/bin/sudo" if sudo else None)


def test_root_asks_the_driver_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = Programs((0, codec.text(MachineState("absent"))))
    use(monkeypatch, programs, root=True, sudo=False)
    monkeypatch.setenv("LAUNCHPAD_MACHINES", "/m")
    monkeypatch.setenv("LAUNCHPAD_CACHE", "/c")
    monkeypatch.setenv("https_proxy", "http://proxy:1")
    for name in ("http_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    assert client.ask(Inspect("lp1")) == MachineState("absent")
    assert programs.calls == [[sys.executable, "-B", "-m", "infra.machines.embedded.driver", "inspect"]]
    place = {"machines": "/m", "cache": "/c", "proxies": {"https_proxy": "http://proxy:1"}}
    assert programs.requests == [
        {"place": {"schema": SCHEMA, **place}, "request": {"schema": SCHEMA, "id": "lp1"}},
    ]
    assert load(Place, programs.requests[0]["place"]) == client.place()
    assert load(Inspect, programs.requests[0]["request"]) == Inspect("lp1")


def test_others_ask_through_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = Programs((0, ""), (0, codec.text(MachineState("absent"))))
    use(monkeypatch, programs, root=False, sudo=True)
    client.ask(Inspect("lp1"))

    assert programs.calls[0] == ["sudo", "-n", "true"]
    assert programs.calls[1][:3] == ["sudo", "-n", sys.executable]


@pytest.mark.parametrize("sudo", [True, False])
def test_without_root_it_says_what_is_needed(monkeypatch: pytest.MonkeyPatch, sudo: bool) -> None:
    use(monkeypatch, Programs((1, "")), root=False, sudo=sudo)

    with pytest.raises(MachineError, match=r"requires root.*Run `sudo -v` first"):
        client.ask(Inspect("lp1"))


def test_on_another_system_it_says_what_else_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.machines.embedded.client.sys.platform", "darwin")

    with pytest.raises(MachineError, match="this computer does not run Linux"):
        client.ask(Inspect("lp1"))


def test_the_drivers_error_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Programs((1, codec.text(Failed("No address is left.")))), root=True, sudo=False)

    with pytest.raises(MachineError, match=r"^No address is left\.$"):
        client.ask(ProvideBase("trixie"))


def test_a_killed_driver_is_an_error_too(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Programs((-9, "")), root=True, sudo=False)

    with pytest.raises(MachineError, match=r"ended without an answer \(exit -9\)"):
        client.ask(ProvideBase("trixie"))


def test_missing_programs_are_named_by_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "infra.machines.embedded.computer.shutil.which",
        lambda program, **_: None if program in ("nft", "ip") else program,
    )

    with pytest.raises(MachineError, match=r"Run: apt-get install iproute2 nftables\b"):
        computer.check_programs()


def test_too_little_space_says_where_how_much_and_how_much_is_free(tmp_path: Any) -> None:
    with pytest.raises(MachineError, match=rf"Not enough disk space in {tmp_path}: 1024T needed, .* free"):
        disk.need_space(tmp_path, 2**50)


SPEC = MachineSpec(
    "trixie",
    "ssh-ed25519 HOST",
    "ssh-ed25519 CLIENT",
    memory=2**30,
    disk=2**32,
    cpus=0.5,
    firewall=(Rule("ingress", "tcp", 80, 80, "0.0.0.0/0", "web"),),
)
ENSURE = Ensure("lp00000001", Owner("/c", "launchpad", "dev", "machine"), "web", "#cloud-config", SPEC)


def test_a_request_arrives_as_it_was_sent() -> None:
    for request in (ENSURE, Check("lp1", "trixie", 2**30), ProvideBase("bookworm")):
        assert load(type(request), json.loads(codec.text(request))) == request


def test_the_driver_refuses_a_wrong_request_with_every_mistake_and_no_user_data() -> None:
    data = {**codec.dump(ENSURE), "id": "../etc", "user_data": 5, "extra": 1}
    rule = {**codec.plain(SPEC.firewall[0]), "cidr": "10.0.0.1/8", "from_port": "80"}
    data["spec"] = {**codec.plain(SPEC), "memory": -1, "firewall": [rule]}
    with pytest.raises(MessageError) as caught:
        driver.answer("ensure", {"place": codec.dump(client.place()), "request": data})
    assert caught.value.mistakes == [
        "id: is '../etc'; it must be a machine's id: at most 15 lower-case letters, digits and -",
        "user_data: is [secret]; it must be text without zero bytes",
        f"spec.memory: is -1; it must be a whole number from 0 to {2**60}",
        "spec.firewall[0].from_port: is '80'; it must be a whole number from 0 to 65535",
        "spec.firewall[0].cidr: is '10.0.0.1/8'; it must be a network in CIDR notation with host bits zero, such as "
        "203.0.113.0/24",
        "extra: is not a known key; known: data_owner, hostname, id, owner, spec, user_data",
    ]


def test_the_driver_loads_nothing_but_the_standard_library_and_our_own() -> None:
    code = "import sys; before = set(sys.modules); import infra.machines.embedded.driver; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], cwd=client.ROOT, capture_output=True, text=True, check=True)
    tops = {name.partition(".")[0] for name in done.stdout.split()}
    assert tops - sys.stdlib_module_names == {"infra"}
