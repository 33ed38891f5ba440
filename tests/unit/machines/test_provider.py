"""What Pulumi is told about the machine, by what the driver sees."""

from __future__ import annotations

import base64
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import dill  # type: ignore[import-untyped]
import pytest
from pulumi.dynamic import ConfigureRequest
from pulumi.dynamic.config import Config
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime import rpc

from infra.machines.embedded import client
from infra.machines.embedded.answers import Checked, Removed
from infra.machines.embedded.provider import MachineProvider
from infra.machines.embedded.requests import Check, Destroy, Ensure, Request
from infra.machines.embedded.shell import MachineError
from infra.machines.embedded.state import MachineSpec, MachineState, Owner
from infra.machines.keys import KeyPairProvider
from infra.machines.providers import PlainError
from infra.protocol import codec
from infra.protocol.firewall import Rule
from infra.ssh import fingerprint

RULE = Rule("ingress", "tcp", 80, 80, "0.0.0.0/0", "web")
INPUTS: dict[str, Any] = {
    "machine": "lp00000001",
    "owner": {},
    "hostname": "h",
    "suite": "trixie",
    "cpus": None,
    "memory": "1G",
    "disk": "4G",
    "data_disk": "2G",
    "firewall": [{**RULE.as_data(), "from_port": 80.0, "to_port": 80.0}],
    "host_key": "ssh-ed25519 HOST",
    "authorized_key": "ssh-ed25519 CLIENT",
    "user_data": "#cloud-config",
}
LIVE = MachineState(
    state="running",
    suite="trixie",
    disk=4 * 2**30,
    data_disk=2 * 2**30,
    host_key="ssh-ed25519 HOST",
    authorized_key="ssh-ed25519 CLIENT",
    address="198.18.0.2",
    local_ports=(("80", "28001"),),
    instance_id="i-1",
    boot_id="b-1",
)
STOPPED = replace(LIVE, state="stopped", boot_id="")
SAME = {"address": "198.18.0.2", "local_ports": {"80": "28001"}, "instance_id": "i-1", "boot_id": "b-1"}
OUTPUTS = {**INPUTS, "forwards": ["80"], "state": "running", **SAME}
IDENTITY = ("address", "local_ports", "instance_id", "boot_id")


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """Puts an answer in the driver's place; gives what it will have been asked."""

    def answer_with(
        live: MachineState = LIVE, problems: tuple[str, ...] = (), restarts: bool = False, error: str = ""
    ) -> list[Any]:
        asked: list[Any] = []

        def ask(request: Request[Any]) -> Any:
            asked.append(request)
            if error:
                raise MachineError(error)
            if isinstance(request, Check):
                return Checked(live, problems, restarts)
            return Removed((request.id,)) if isinstance(request, Destroy) else live

        monkeypatch.setattr(client, "ask", ask)
        return asked

    return answer_with


def test_a_machine_that_runs_stays_as_it_is(driver: Any) -> None:
    driver(LIVE)
    checked = MachineProvider().check(INPUTS, dict(INPUTS))

    assert {name: checked.inputs.get(name) for name in IDENTITY} == SAME
    assert checked.failures == []
    assert MachineProvider().diff("lp00000001", OUTPUTS, checked.inputs).changes is False


def test_a_machine_of_an_earlier_version_gets_its_ports_on_loopback(driver: Any) -> None:
    driver(replace(LIVE, local_ports=()))
    checked = MachineProvider().check(INPUTS, dict(INPUTS))
    before = {name: value for name, value in OUTPUTS.items() if name not in ("forwards", "local_ports")}

    assert "local_ports" not in checked.inputs
    assert MachineProvider().diff("lp00000001", before, checked.inputs).changes is True


def test_a_stopped_machine_will_be_started_with_its_disk(driver: Any, capsys: pytest.CaptureFixture[str]) -> None:
    driver(STOPPED)
    checked = MachineProvider().check(INPUTS, dict(INPUTS))
    diff = MachineProvider().diff("lp00000001", OUTPUTS, checked.inputs)

    assert [name for name in IDENTITY if name in checked.inputs] == ["address", "local_ports", "instance_id"]
    assert (diff.changes, diff.replaces) == (True, [])
    assert "the machine is stopped; `pulumi up` starts it" in capsys.readouterr().err


def test_after_a_refresh_too(driver: Any) -> None:
    driver(STOPPED)
    read = MachineProvider().read("lp00000001", OUTPUTS)
    checked = MachineProvider().check(INPUTS, dict(INPUTS))

    assert read.outs is not None
    assert (read.outs["state"], read.outs["boot_id"], read.outs["user_data"]) == ("stopped", "", "#cloud-config")
    assert MachineProvider().diff("lp00000001", read.outs, checked.inputs).changes is True


def test_a_machine_that_is_gone_will_be_another_one(driver: Any, capsys: pytest.CaptureFixture[str]) -> None:
    driver(MachineState("absent"))
    checked = MachineProvider().check(INPUTS, {**INPUTS, "instance_id": "stale"})
    diff = MachineProvider().diff("lp00000001", OUTPUTS, checked.inputs)

    assert [name for name in IDENTITY if name in checked.inputs] == []
    assert (diff.changes, diff.replaces) == (True, [])
    assert "the machine is gone; `pulumi up` creates a new one" in capsys.readouterr().err
    assert MachineProvider().read("lp00000001", OUTPUTS).id == ""


def test_a_first_machine_comes_without_explanations(driver: Any, capsys: pytest.CaptureFixture[str]) -> None:
    driver(MachineState("absent"))
    MachineProvider().check({}, {**INPUTS, "host_key": rpc.UNKNOWN, "authorized_key": rpc.UNKNOWN})

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["memory", "cpus", "firewall", "disk"])
def test_settings_change_in_place_and_it_stays_the_same_machine(driver: Any, name: str) -> None:
    driver(LIVE)
    new = {"memory": "2G", "cpus": 2, "firewall": [], "disk": "8G"}[name]
    checked = MachineProvider().check(INPUTS, {**INPUTS, name: new})
    diff = MachineProvider().diff("lp00000001", OUTPUTS, checked.inputs)

    assert (diff.changes, diff.replaces) == (True, [])
    known = [each for each in IDENTITY if each != "local_ports" or name != "firewall"]
    assert [name for name in IDENTITY if name in checked.inputs] == known


@pytest.mark.parametrize(
    ("name", "new"), [("suite", "bookworm"), ("host_key", "ssh-ed25519 NEW"), ("authorized_key", rpc.UNKNOWN)]
)
def test_hardware_and_keys_replace_and_it_will_be_another_machine(driver: Any, name: str, new: str) -> None:
    driver(LIVE)
    checked = MachineProvider().check({}, {**INPUTS, name: new})
    diff = MachineProvider().diff("lp00000001", OUTPUTS, checked.inputs)

    assert (diff.changes, diff.replaces, diff.delete_before_replace) == (True, [name], True)
    assert [name for name in IDENTITY if name in checked.inputs] == []


def test_changed_user_data_is_for_the_next_machine_and_changes_nothing_now(driver: Any) -> None:
    driver(LIVE)
    checked = MachineProvider().check(INPUTS, {**INPUTS, "user_data": "#cloud-config, newer"})

    assert MachineProvider().diff("lp00000001", OUTPUTS, checked.inputs).changes is False


def test_a_moved_clone_keeps_its_machine(driver: Any) -> None:
    driver(LIVE)

    assert MachineProvider().check(INPUTS, {**INPUTS, "machine": "lp99999999"}).inputs["machine"] == "lp00000001"


@pytest.mark.parametrize(
    ("change", "property_", "reason"),
    [
        ({"memory": "much"}, "memory", "'much' is not a size: write a number and K, M, G or T, such as 512M or 1G"),
        ({"memory": "64M"}, "memory", "64M is too small; it must be at least 128M"),
        ({"data_disk": "1M"}, "data_disk", "1M is too small; it must be at least 64M"),
        ({"disk": "100M"}, "disk", "100M is too small; it must be at least 512M"),
        (
            {"disk": "2G"},
            "disk",
            "launchpad:embedded.disk is 2G, but the machine's disk has 4G, and a disk cannot shrink. Set launchpad:embedded.disk to 4G "
            "or more; for a smaller disk, destroy the machine and create it again.",
        ),
        ({"suite": "sid"}, "suite", "sid is unknown; it must be one of trixie, bookworm"),
    ],
)
def test_what_cannot_be_is_said_in_the_preview(driver: Any, change: Any, property_: str, reason: str) -> None:
    driver(LIVE)
    failures = MachineProvider().check(INPUTS, {**INPUTS, **change}).failures

    assert [(one.property, one.reason) for one in failures] == [(property_, reason)]


def test_a_machine_of_a_lost_state_is_told_of_in_the_preview_unless_it_is_to_be_adopted(driver: Any) -> None:
    new = {**INPUTS, "host_key": rpc.UNKNOWN, "authorized_key": rpc.UNKNOWN}
    driver(replace(LIVE, id="lp00000001"))
    (failure,) = MachineProvider().check({}, dict(new)).failures
    assert failure.reason.startswith("Machine lp00000001 already exists, with keys that this stack's state does not")
    assert "`launchpad adopt` takes it over with the app and its data" in failure.reason
    driver(replace(LIVE, id="lp00000001", adoptable=True))
    assert MachineProvider().check({}, dict(new)).failures == []
    driver(replace(LIVE, id="lp00000001"))
    assert MachineProvider().check(INPUTS, dict(new)).failures == [], "it is replaced"
    assert MachineProvider().check({}, dict(INPUTS)).failures == [], "an interrupted run has made it"


def test_a_disk_that_cannot_grow_is_said_in_the_preview_which_asks_with_the_size(driver: Any) -> None:
    asked = driver(LIVE, problems=("it stays in use",))
    checked = MachineProvider().check(INPUTS, {**INPUTS, "disk": "8G"})

    assert [(one.property, one.reason) for one in checked.failures] == [("disk", "it stays in use")]
    assert asked == [Check("lp00000001", "trixie", 8 * 2**30, 2 * 2**30)]


def test_the_check_asks_whose_the_disk_for_data_is_once_that_is_known(driver: Any) -> None:
    asked = driver(LIVE)
    owner = Owner("/clone", "launchpad", "dev", "machine")
    for given in (None, rpc.UNKNOWN, codec.plain(owner)):
        MachineProvider().check(INPUTS, {**INPUTS, "data_owner": given})
    assert [each.data_owner for each in asked] == [Owner(), Owner(), owner]


def test_a_disk_that_does_not_grow_in_use_starts_the_machine_again_and_the_preview_shows_it(driver: Any) -> None:
    driver(LIVE, restarts=True)
    same = MachineProvider().check(INPUTS, dict(INPUTS))
    larger = MachineProvider().check(INPUTS, {**INPUTS, "disk": "8G"})

    assert [name for name in IDENTITY if name in same.inputs] == ["address", "local_ports", "instance_id", "boot_id"]
    assert [name for name in IDENTITY if name in larger.inputs] == ["address", "local_ports", "instance_id"]


def test_sizes_that_another_resource_gives_are_looked_at_when_they_are_known(driver: Any) -> None:
    asked = driver(LIVE)
    later = MachineProvider().check(INPUTS, {**INPUTS, "memory": rpc.UNKNOWN, "disk": rpc.UNKNOWN})

    assert later.failures == []
    assert asked[0].disk == 512 * 2**20
    assert [name for name in IDENTITY if name in later.inputs] == ["address", "local_ports", "instance_id", "boot_id"]
    assert MachineProvider().diff("lp00000001", OUTPUTS, later.inputs).changes is True
    driver(LIVE, restarts=True)
    restarting = MachineProvider().check(INPUTS, {**INPUTS, "disk": rpc.UNKNOWN})
    assert [name for name in IDENTITY if name in restarting.inputs] == ["address", "local_ports", "instance_id"]


def test_a_machine_that_gets_a_disk_for_data_starts_again_and_the_preview_shows_it(driver: Any) -> None:
    driver(replace(LIVE, data_disk=0))
    for size in ("2G", rpc.UNKNOWN):
        checked = MachineProvider().check(INPUTS, {**INPUTS, "data_disk": size})
        assert [name for name in IDENTITY if name in checked.inputs] == ["address", "local_ports", "instance_id"]
        diff = MachineProvider().diff("lp00000001", {**OUTPUTS, "data_disk": "0"}, checked.inputs)
        assert (diff.changes, diff.replaces) == (True, [])
    without = {**INPUTS, "data_disk": "0"}
    checked = MachineProvider().check(without, dict(without))
    assert "boot_id" in checked.inputs
    assert MachineProvider().diff("lp00000001", {**OUTPUTS, "data_disk": "0"}, checked.inputs).changes is False


def test_a_machine_of_an_earlier_version_has_no_disk_for_data(driver: Any) -> None:
    driver(replace(LIVE, data_disk=0))
    before = {name: value for name, value in OUTPUTS.items() if name != "data_disk"}
    checked = MachineProvider().check(before, dict(INPUTS))
    assert MachineProvider().diff("lp00000001", before, checked.inputs).replaces == []
    without = {**INPUTS, "data_disk": "0"}
    assert MachineProvider().diff("lp00000001", before, without).replaces == []


def test_a_machine_loses_its_disk_for_data_only_by_being_replaced(driver: Any) -> None:
    driver(LIVE)
    checked = MachineProvider().check(INPUTS, {**INPUTS, "data_disk": "0"})
    assert checked.failures == []
    assert MachineProvider().diff("lp00000001", OUTPUTS, checked.inputs).replaces == ["data_disk"]


def test_a_machine_that_is_replaced_may_have_a_smaller_disk(driver: Any) -> None:
    driver(LIVE)

    assert MachineProvider().check(INPUTS, {**INPUTS, "suite": "bookworm", "disk": "2G"}).failures == []


def test_obstacles_are_said_in_the_preview(driver: Any) -> None:
    driver(MachineState("absent"), problems=("Run: apt-get install mmdebstrap",))

    assert [one.reason for one in MachineProvider().check({}, dict(INPUTS)).failures] == [
        "Run: apt-get install mmdebstrap"
    ]

    driver(error="The embedded machine needs root.")

    assert [one.reason for one in MachineProvider().check({}, dict(INPUTS)).failures] == [
        "The embedded machine needs root."
    ]


def test_create_and_update_hand_the_driver_whole_numbers(driver: Any) -> None:
    asked = driver(LIVE)
    created = MachineProvider().create(dict(INPUTS))
    MachineProvider().update("lp00000001", OUTPUTS, dict(INPUTS))

    assert created.id == "lp00000001"
    assert created.outs == {key: value for key, value in OUTPUTS.items() if key != "forwards"}
    spec = MachineSpec(
        *("trixie", "ssh-ed25519 HOST", "ssh-ed25519 CLIENT"),
        memory=2**30,
        disk=4 * 2**30,
        data_disk=2 * 2**30,
        firewall=(RULE,),
    )
    assert asked == [Ensure("lp00000001", Owner(), "h", "#cloud-config", spec)] * 2
    assert isinstance(asked[0].spec.firewall[0].from_port, int)


def test_delete_and_its_error(driver: Any) -> None:
    asked = driver()
    MachineProvider().delete("lp00000001", OUTPUTS)

    assert asked == [Destroy("lp00000001")]

    driver(error="no")
    with pytest.raises(PlainError, match=r"^no$"):
        MachineProvider().delete("lp00000001", OUTPUTS)


@pytest.mark.parametrize("provider", [MachineProvider, KeyPairProvider])
def test_a_provider_is_stored_as_a_reference_so_that_it_never_looks_changed(provider: type) -> None:
    stored = base64.b64decode(serialize_provider(provider()))

    assert len(stored) < 100
    assert isinstance(dill.loads(stored), provider)


def test_in_pulumis_host_our_errors_are_their_text_and_others_keep_their_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = types.ModuleType("__main__")
    vars(host)["_abort_with_traceback"] = object()
    monkeypatch.setitem(sys.modules, "__main__", host)
    KeyPairProvider().configure(ConfigureRequest(Config({}, "launchpad")))

    try:
        raise PlainError("Install it.")
    except PlainError:
        assert vars(host)["traceback"].format_exc() == "Install it."
    try:
        raise ValueError("a bug")
    except ValueError:
        assert "Traceback (most recent call last)" in vars(host)["traceback"].format_exc()


def test_a_key_pair_is_in_openssh_format_without_a_comment() -> None:
    one = KeyPairProvider().create({}).outs
    other = KeyPairProvider().create({}).outs

    assert one is not None
    assert other is not None
    assert one["private_key"].startswith("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    assert one["public_key"].startswith("ssh-ed25519 ")
    assert len(one["public_key"].split()) == 2
    assert one["fingerprint"] == fingerprint(one["public_key"])
    assert one["private_key"] != other["private_key"]


def test_a_fingerprint_is_the_one_that_ssh_shows() -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"  # published by a forge

    assert fingerprint(key) == "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"


def test_without_ssh_keygen_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.machines.keys.shutil.which", lambda _: None)

    with pytest.raises(PlainError, match="apt-get install openssh-client"):
        KeyPairProvider().create({})
