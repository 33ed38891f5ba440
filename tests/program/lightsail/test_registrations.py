"""What the Lightsail machine registers: snapshots as data files, and what must not change a machine that runs.

After a change that is meant: ``python -m tests.program.lightsail.recorder`` writes the snapshots anew; then read ``git diff``.
"""

import json
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from infra.machines.aws import session
from infra.machines.aws.data_disk import DataDisk
from infra.machines.firewall import Firewall, plan
from infra.machines.lightsail.lightsail import LightsailMachine
from infra.machines.lightsail.plan import Inexpressible, LightsailArgs
from tests.program.lightsail.recorder import BASE, CONFIGURATIONS, SNAPSHOTS, Answers, record, run
from tests.program.registrations import as_text, names, one
from tests.unit.lightsail.account import Account

FULL = CONFIGURATIONS["full"]


@pytest.mark.parametrize("name", sorted(CONFIGURATIONS))
def test_registrations_are_those_of_the_snapshot(name: str) -> None:
    assert json.loads(as_text(record(CONFIGURATIONS[name]))) == json.loads((SNAPSHOTS / f"{name}.json").read_text())


def test_there_is_no_snapshot_without_a_configuration() -> None:
    assert {file.stem for file in SNAPSHOTS.glob("*.json")} == set(CONFIGURATIONS)


def test_the_image_is_the_one_that_was_chosen_when_the_machine_was_made() -> None:
    assert one(record(BASE, Answers(chosen="debian_12")), "instance")["inputs"]["blueprintId"] == "debian_12"


def test_a_pinned_image_is_taken_without_a_question() -> None:
    recorded = record(FULL)
    assert one(recorded, "instance")["inputs"]["blueprintId"] == "debian_12"
    assert "machine-image" not in names(recorded)


def test_user_data_is_held_until_the_key_changes() -> None:
    recorded = record(BASE)
    held = one(recorded, "first-boot")
    assert held["options"]["replace_on"].startswith("ssh-ed25519 ")
    assert one(recorded, "instance")["inputs"]["userData"] == held["inputs"]["input"]
    assert held["inputs"]["input"].startswith("#!/bin/sh\n")


def test_no_private_key_is_in_any_input() -> None:
    assert "PRIVATE" not in as_text(record(FULL))


def test_another_ssh_network_is_another_set_of_ports_and_nothing_else() -> None:
    before, after = record(BASE), record({**BASE, "ssh_cidrs": '["198.51.100.0/24"]'})
    differing = [each["name"] for each, other in zip(before, after, strict=True) if each != other]
    assert differing == ["machine-ports"]


def test_new_ports_are_not_closed_by_the_deletion_of_the_old_ones() -> None:
    """Deleting the resource closes its ports by number, and any change replaces it."""
    options = one(record(BASE), "ports")["options"]
    assert options["retain_on_delete"] is True
    assert "delete_before_replace" not in options


@pytest.mark.parametrize("name", ["address-use", "data-use"])
def test_the_old_machine_lets_go_before_the_new_one_takes(name: str) -> None:
    """Deleting the attachment detaches from whichever instance has it by then, which must not be the new one."""
    assert one(record(FULL), name)["options"]["delete_before_replace"] is True


def test_a_data_disk_is_never_replaced_by_another_size_or_zone() -> None:
    assert one(record(FULL), "data")["options"]["ignore_changes"] == ["sizeInGb", "availabilityZone"]


def test_snapshots_are_there_only_if_asked_for_and_a_disk_unless_it_is_not() -> None:
    assert "addOn" not in one(record(BASE), "instance")["inputs"]
    assert {"machine-data", "machine-data-use", "machine-data-end"} <= names(record(BASE))
    without = names(record({**BASE, "lightsail.data_disk": "0"}))
    assert not {"machine-data", "machine-data-use", "machine-data-end"} & without


def test_the_address_follows_the_data() -> None:
    assert "machine-data-use" in one(record(BASE), "address-use")["options"]["depends_on"]


@pytest.mark.parametrize(
    ("said", "kept", "snapshot"),
    [("", False, False), ("delete", False, False), ("keep", True, False), ("snapshot", False, True)],
)
def test_what_becomes_of_the_data_is_in_the_state(said: str, kept: bool, snapshot: bool) -> None:
    recorded = record({**BASE, "on_destroy": said})
    assert one(recorded, "data")["options"].get("retain_on_delete", False) is kept
    last = one(recorded, "data-end")
    assert last["inputs"]["wanted"] is snapshot
    # deleted after the disk was detached, and before it is deleted
    assert last["options"]["depends_on"] == ["machine-data"]
    assert "machine-data-end" in one(recorded, "data-use")["options"]["depends_on"]


FOUND = DataDisk("data-7", 32, "eu-central-1a", attached=False, created="2026-11-27")


def test_a_disk_that_was_kept_is_taken_over(caplog: pytest.LogCaptureFixture) -> None:
    disk = one(record(BASE, Answers(disk=FOUND)), "data")
    assert disk["options"]["import"] == "data-7"
    assert {"name", "tags", "sizeInGb"} <= set(disk["options"]["ignore_changes"])
    assert "DATA: the disk data-7 (32 GB, of 2026-11-27) of this stack is there: this machine gets it" in caplog.text
    assert "launchpad:lightsail.data_disk is 8G, but the disk data-7 keeps its 32 GB" in caplog.text


def test_a_disk_in_use_is_as_the_state_has_it() -> None:
    assert "import" not in one(record(BASE, Answers(disk=replace(FOUND, attached=True))), "data")["options"]


def test_a_machine_never_comes_to_another_zone_than_its_data() -> None:
    why = "launchpad:lightsail.zone puts the machine into eu-central-1a, but its data disk is in eu-central-1b"
    with pytest.raises(pulumi.RunError, match=why):
        record(BASE, Answers(disk=replace(FOUND, zone="eu-central-1b")))

    class Placed(Answers):
        def new_resource(self, args: Any) -> tuple[str, dict[str, Any]]:
            made = super().new_resource(args)
            return (made[0], {**made[1], "availabilityZone": "us-east-1a"}) if args.name == "machine-data" else made

    with pytest.raises(pulumi.RunError, match="but its data disk is in us-east-1a"):
        record(BASE, Placed())


def test_a_disk_that_holds_data_is_not_given_up() -> None:
    with pytest.raises(pulumi.RunError, match="a machine cannot give up its data disk"):
        record({**BASE, "lightsail.data_disk": "0"}, Answers(disk=replace(FOUND, attached=True)))


def test_the_machine_tells_where_its_disk_is() -> None:
    def program() -> None:
        machine = LightsailMachine("box", LightsailArgs("eu-central-1", plan((80,), ("0.0.0.0/0",), ()))).machine
        pulumi.Output.from_input(machine.data_disk).apply(seen.append)

    seen: list[Any] = []
    run(program)
    assert seen == ["/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0,/dev/xvdf"]


def preview(monkeypatch: pytest.MonkeyPatch, values: dict[str, str], **answers: Any) -> list[dict[str, Any]]:
    monkeypatch.setattr(session, "client", Account(**answers))
    monkeypatch.setattr("infra.machines.lightsail.preflight.run.__defaults__", (session.client,))
    return record(values, preview=True)


def test_a_preview_tells_the_price(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    preview(monkeypatch, BASE)
    assert "small_3_0 costs $12 a month (US dollars, before tax)" in caplog.text


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"lightsail.bundle": "tiny_9_9"}, "launchpad:lightsail.bundle is tiny_9_9, which eu-central-1 does not offer"),
        (
            {"lightsail.zone": "eu-central-1f"},
            "launchpad:lightsail.zone is eu-central-1f, where Lightsail makes no instance",
        ),
    ],
)
def test_a_preview_refuses_before_any_resource(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], said: str
) -> None:
    def unexpected(_answers: Answers, args: Any) -> Any:
        raise AssertionError(f"{args.name} was registered")

    monkeypatch.setattr(Answers, "new_resource", unexpected)
    with pytest.raises(pulumi.RunError, match=said):
        preview(monkeypatch, {**BASE, **values})


def test_the_checks_can_be_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {**BASE, "lightsail.bundle": "tiny_9_9", "lightsail.preflight": "false"}
    assert one(preview(monkeypatch, values), "instance")["inputs"]["bundleId"] == "tiny_9_9"


def test_a_program_may_have_two_machines() -> None:
    firewall = plan((80,), ("0.0.0.0/0",), ("203.0.113.7/32",))

    def program() -> None:
        for name in ("first", "second"):
            LightsailMachine(name, LightsailArgs("eu-central-1", firewall))

    recorded = run(program)
    assert len({(each["type"], each["name"]) for each in recorded}) == len(recorded)
    assert {name.partition("-")[0] for name in names(recorded)} == {"first", "second"}


def test_a_component_refuses_a_firewall_that_lightsail_cannot_have() -> None:
    def program() -> None:
        LightsailMachine("box", LightsailArgs("eu-central-1", Firewall(())))

    with pytest.raises(Inexpressible, match="restricts outgoing traffic"):
        run(program)
