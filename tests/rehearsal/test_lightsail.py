"""The Lightsail path from nothing to a running app and back, asserted by boto3. What that proves: README.md beside this file."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra import outputs
from infra.protocol.paths import DATA_DISK
from tests.e2e.stack import Stack, changed, fetch
from tests.rehearsal.account import REGION
from tests.rehearsal.conftest import PLUGIN, Aws, served, without_block_devices

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 and shutil.which("sudo") is None,
    reason="the embedded machine that plays the instance needs root or sudo",
)

OWNER = {"ManagedBy": "pulumi", "Project": "launchpad", "Stack": "vps"}
WEB = ("tcp", 80, 80, ("0.0.0.0/0",), ("::/0",))


def ssh(cidr: str) -> tuple[str, int, int, tuple[str, ...], tuple[str, ...]]:
    return ("tcp", 22, 22, (cidr,), ())


class Account:
    """The account as an auditor sees it."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        secret = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        self.api: Any = boto3.client("lightsail", region_name=REGION, endpoint_url=endpoint, **secret)

    def instance(self) -> dict[str, Any]:
        """The only one."""
        (found,) = self.api.get_instances()["instances"]
        return dict(found)

    def ports(self) -> set[tuple[Any, ...]]:
        """What is open on it."""
        states = self.api.get_instance_port_states(instanceName=self.instance()["name"])["portStates"]
        return {
            (each["protocol"], each["fromPort"], each["toPort"], tuple(each["cidrs"]), tuple(each["ipv6Cidrs"]))
            for each in states
        }

    def everything(self) -> dict[str, list[str]]:
        """The names of all that a stack may leave behind, by kind."""
        kinds = {"instances": "get_instances", "staticIps": "get_static_ips", "disks": "get_disks"}
        return {kind: [each["name"] for each in getattr(self.api, ask)()[kind]] for kind, ask in kinds.items()}


@pytest.fixture(scope="module")
def account(folder: Path) -> Iterator[Account]:
    """Lightsail's API on loopback."""
    with served("tests.rehearsal.vps", folder) as endpoint:
        yield Account(endpoint)


@pytest.fixture(scope="module")
def vps(aws: Aws, account: Account, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Stack vps of a fresh clone, with the keys that the manual says."""
    made = Stack.cloned(tmp_path_factory.mktemp("clone") / "launchpad")
    made.extra.update(
        aws.environment,
        AWS_ENDPOINT_URL_LIGHTSAIL=account.endpoint,
        LAUNCHPAD_REHEARSAL=str(folder),
        PATH=f"{made.clone / PLUGIN}:{os.environ['PATH']}",
    )
    without_block_devices(made)
    made.run("pulumi stack init vps", check=True)
    made.config(
        **{"machine": "lightsail", "lightsail.region": REGION, "ssh_cidrs": ["198.18.0.0/15"], "on_destroy": "delete"}
    )
    yield made
    made.run("pulumi destroy --yes --skip-preview")


EMPTY: dict[str, list[str]] = {"instances": [], "staticIps": [], "disks": []}


def test_a_preview_tells_the_price_and_makes_nothing(vps: Stack, account: Account) -> None:
    said = vps.run("pulumi preview", check=True).stdout
    assert "small_3_0 costs $12 a month (US dollars, before tax)" in said
    assert "The data disk of 8 GB costs $0.80 a month (US dollars, before tax)" in said
    assert account.everything() == EMPTY


def test_the_app_is_deployed_end_to_end(vps: Stack, account: Account) -> None:
    vps.up()
    found = vps.outputs()
    assert set(found) == set(outputs.MEANING)
    assert found["machine_kind"] == "lightsail"
    assert fetch(found["url"])[0] == 200
    instance = account.instance()
    assert (instance["bundleId"], instance["blueprintId"], instance["addOns"]) == ("small_3_0", "debian_13", [])
    assert {each["key"]: each["value"] for each in instance["tags"]}.items() >= OWNER.items()


def test_the_stacks_key_is_the_only_way_in(vps: Stack) -> None:
    assert vps.on_machine("id -un").strip() == "deploy"
    assert vps.on_machine("sudo passwd --status debian").split()[1] == "L"
    said = vps.on_machine("sudo sshd -T").splitlines()
    assert {"trustedusercakeys none", "passwordauthentication no", "permitrootlogin no"} <= set(said)
    assert vps.on_machine("sudo find /home /root -name authorized_keys -size +0").split() == [
        "/home/deploy/.ssh/authorized_keys"
    ]
    assert vps.on_machine("cloud-init status").strip() == "status: done"


def test_the_host_key_is_that_of_the_machine(vps: Stack) -> None:
    printed = vps.on_machine("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub")
    assert vps.outputs()["host_key_fingerprint"] == printed.split()[1]
    state = vps.run("pulumi stack export --show-secrets", check=True).stdout
    assert "PRIVATE-canary" not in state  # Lightsail's answer about host keys holds a private key, too


def test_only_the_rules_ports_are_open(account: Account) -> None:
    assert account.ports() == {ssh("198.18.0.0/15"), WEB}


def test_the_live_stack_passes_the_security_rules(vps: Stack) -> None:
    judged = vps.run("pulumi stack export | python -m policy", check=True).stdout
    assert judged.strip().endswith("0 findings without a waiver")


def test_a_second_up_changes_nothing(vps: Stack) -> None:
    assert changed(vps.up()) == {}
    vps.run("pulumi refresh --yes", check=True)
    vps.run("pulumi preview --expect-no-changes", check=True)


def test_another_ssh_network_leaves_the_other_ports_open(vps: Stack, account: Account) -> None:
    vps.config(ssh_cidrs=["198.18.0.0/16"])
    said = changed(vps.up())
    assert {name: what for name, what in said.items() if name.startswith("machine")} == {"machine-ports": "replaced"}
    assert account.ports() == {ssh("198.18.0.0/16"), WEB}


def test_snapshots_come_in_place(vps: Stack, account: Account) -> None:
    before = account.instance()["name"]
    vps.config(**{"lightsail.snapshots": "03:00"})
    vps.up()
    after = account.instance()
    assert after["name"] == before
    assert [(each["status"], each["snapshotTimeOfDay"]) for each in after["addOns"]] == [("Enabled", "03:00")]
    assert [each["sizeInGb"] for each in after["hardware"]["disks"] if not each.get("isSystemDisk")] == [8]


def test_another_size_of_the_disk_changes_nothing_and_is_told(vps: Stack) -> None:
    vps.config(**{"lightsail.data_disk": "64G"})
    said = vps.run("pulumi preview --expect-no-changes", check=True).stdout
    assert "keeps its 8 GB: AWS cannot resize it, and a new one would be empty" in said


def test_another_bundle_is_told_as_a_replacement_and_address_and_disk_move_over(
    vps: Stack, account: Account, folder: Path
) -> None:
    before, found = account.everything(), vps.outputs()
    vps.on_machine(f"echo precious | sudo tee {DATA_DISK}/precious")
    vps.config(**{"lightsail.bundle": "medium_3_0", "on_destroy": "snapshot"})
    said = vps.run("pulumi preview", check=True).stdout
    assert "from small_3_0 to medium_3_0 and will be REPLACED; address and data disk move to the new machine" in said
    assert "medium_3_0 costs $24 a month" in said
    (folder / "happened").unlink()
    vps.up()
    after = account.everything()
    (old,), (new,), (kept,) = before["instances"], after["instances"], before["disks"]
    assert [line for line in (folder / "happened").read_text().splitlines() if line != f"start {old}"] == [
        f"start {new}",
        f"stop {old}",
        f"detach {kept} {old}",
        f"attach {kept} {new}",
        f"address {new}",
        f"end {old}",
    ]
    assert vps.on_machine(f"cat {DATA_DISK}/precious").strip() == "precious"
    assert after["instances"] != before["instances"]
    assert (after["staticIps"], after["disks"]) == (before["staticIps"], before["disks"])
    (address,), (disk,) = account.api.get_static_ips()["staticIps"], account.api.get_disks()["disks"]
    assert [address["attachedTo"]] == [disk["attachedTo"]] == after["instances"]
    assert vps.outputs()["host_key_fingerprint"] != found["host_key_fingerprint"]
    assert account.ports() == {ssh("198.18.0.0/16"), WEB}
    assert fetch(vps.outputs()["url"])[0] == 200


def test_a_bundle_that_is_not_offered_is_answered_with_the_list(vps: Stack) -> None:
    done = vps.run("pulumi config set launchpad:lightsail.bundle huge_9_9 && pulumi preview")
    assert done.returncode != 0
    assert (
        "huge_9_9, which eu-central-1 does not offer; set one of these: nano_3_0 ($5), small_3_0 ($12)" in done.stdout
    )
    assert "Traceback" not in done.stdout


def test_destroy_leaves_nothing_but_the_snapshot_that_is_asked_for(vps: Stack, account: Account) -> None:
    (disk,) = account.everything()["disks"]
    vps.run("pulumi config rm launchpad:lightsail.bundle && pulumi destroy --yes", check=True)
    assert account.everything() == EMPTY
    (snapshot,) = account.api.get_disk_snapshots()["diskSnapshots"]
    assert (snapshot["name"], snapshot["fromDiskName"]) == (f"{disk}-last", disk)


def test_the_snapshot_is_what_the_stack_begins_with_once_somebody_says_so(vps: Stack, account: Account) -> None:
    (snapshot,) = json.loads(vps.run("launchpad data list -s vps --json", check=True).stdout)
    assert (snapshot["what"], snapshot["size"]) == ("snapshot", "8G")
    vps.run(f"launchpad data adopt {snapshot['id']} -s vps", check=True)
    (disk,) = account.everything()["disks"]
    said = vps.run("pulumi preview", check=True).stdout
    assert f"DATA: the disk {disk} (8 GB, of 2026-11-27) of this stack is there: this machine gets it" in said
    assert re.search(r"machine-data import", said)
