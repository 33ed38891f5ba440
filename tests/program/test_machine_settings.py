"""What the program asks of the machine itself: by kind of machine, in which order, and how it is taken back."""

from __future__ import annotations

import json
import runpy
from typing import Any

import pulumi
import pytest

from infra.deployment import bundle
from tests.program import registrations
from tests.program.recorder import HOST_KEY, ROOT, Recording, record

pytestmark = pytest.mark.usefixtures("ssh_agent")

SERVER = {"machine": "server", "server.host": "vps.example.org", "server.host_key": HOST_KEY}
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


def asked(values: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(record(values).one("system-settings").inputs["stdin"])
    return found


def test_a_machine_that_launchpad_makes_is_set_up_without_a_key() -> None:
    assert asked({}) == {
        "schema": 2,
        "owner": "launchpad/test",
        "user": "deploy",
        "ssh": True,
        "updates": True,
        "reboot": "",
        "clock": True,
        "journal": 500 * 2**20,
        "swap": 0,
        "kernel": True,
        "people": [],
        "lock_timeout": 300,
        "instance": "i-1",
        "program": asked({})["program"],
    }


def test_a_server_stays_as_its_owner_has_it() -> None:
    assert [each.name for each in record(SERVER).registrations if each.name.startswith("system")] == []
    wanted = asked({**SERVER, "people": json.dumps({"ana": f"{KEY} ana@laptop"}), "reboot_window": "Sun 04:00"})
    assert wanted["people"] == [{"name": "ana", "keys": [KEY]}]
    assert (wanted["user"], wanted["reboot"]) == ("root", "Sun 04:00")
    assert not any(wanted[name] for name in ("ssh", "updates", "clock", "journal", "swap", "kernel"))
    hardened = asked({**SERVER, "ssh_hardening": "true", "journal_size": "1G", "swap": "512M"})
    assert (hardened["ssh"], hardened["journal"], hardened["swap"]) == (True, 2**30, 2**29)


def test_a_key_turns_each_off() -> None:
    off = dict.fromkeys(("ssh_hardening", "automatic_updates", "time_sync", "kernel_hardening"), "false")
    assert [each.name for each in record({**off, "journal_size": "0"}).registrations if "system" in each.name] == []
    assert (asked(off)["ssh"], asked(off)["journal"]) == (False, 500 * 2**20)


def test_it_comes_between_delivery_and_release_and_goes_before_the_app() -> None:
    found = {
        each["name"]: each["options"]
        for each in registrations.registered(lambda: runpy.run_path(str(ROOT / "__main__.py")), Recording(), "dev")
    }
    assert "app-push-source" in found["system-undo"]["depends_on"]
    assert "system-undo" in found["system-settings"]["depends_on"]
    assert "app-release" not in found["system-settings"]["depends_on"]
    assert found["system-undo"]["deleted_with"] == found["system-settings"]["deleted_with"] == "machine"
    recording = record({})
    assert recording.one("system-settings").inputs["create"] == "sudo launchpad-agent settings"
    assert "triggers" not in recording.one("system-settings").inputs, "what is replaced is deleted"
    assert recording.one("system-undo").inputs["delete"] == (
        "if [ -e /var/lib/launchpad/settings.json ]; then "
        "sudo launchpad-agent settings --remove --owner launchpad/test; fi"
    )


def test_a_new_agent_sets_up_the_machine_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = asked({})["program"]
    monkeypatch.setattr(bundle, "packed", lambda: (b"another agent", "0123456789abcdef"))
    assert (asked({})["program"], first != "0123456789abcdef") == ("0123456789abcdef", True)


def test_mistakes_are_told_before_anything_is_made() -> None:
    with pytest.raises(pulumi.RunError) as caught:
        record(
            {
                "people": json.dumps({"root": KEY, "ana": "ssh-ed25519 AAAA", "app": [KEY]}),
                "swap": "1M",
                "journal_size": "big",
                "reboot_window": "sunday",
                "ssh_hardening": "maybe",
            }
        )
    told = str(caught.value)
    for line in (
        "launchpad:people.ana is 'ssh-ed25519 AAAA'; it must be a public SSH key in one line",
        "launchpad:people.root is",
        "under a name of 1 to 24 lower-case letters",
        "launchpad:swap is '1M'; it must be 0 or a size such as 512M or 2G, at least 64M",
        "launchpad:journal_size is 'big'; it must be auto, 0 or a size such as 500M or 2G",
        "launchpad:reboot_window is 'sunday'; it must be a time of the day such as 04:00 or Sun 04:00, or empty",
        "launchpad:ssh_hardening is 'maybe'; it must be auto or true or false",
    ):
        assert line in told
    with pytest.raises(pulumi.RunError, match=r"launchpad:people\.app has the name of an app"):
        record({"people": json.dumps({"app": KEY})})
