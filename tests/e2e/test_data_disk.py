"""The disk for data and the driver: it grows, comes along through restarts, and is its owner's alone."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from infra.machines.embedded import data, growth
from infra.machines.embedded.requests import ClaimData, InspectData, ReleaseData, Sweep
from tests.e2e.test_machine import Rig, ask

SIZE = 64 * 2**20
STARTED = "stat -c %Y /proc/1"
"""Prints when the machine started."""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="looks at the machine from this computer's root")


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A machine with a disk for data, and a file of root's on it."""
    made = Rig(tmp_path_factory.mktemp("data"))
    try:
        made.ensure(data_disk=SIZE)
        made.run("sudo mkdir /mnt/launchpad/apps && echo row | sudo tee /mnt/launchpad/apps/kept")
        yield made
    finally:
        sweep = Sweep(made.owner.clone, made.owner.project, made.owner.stack, data=True)
        ask(sweep, made.feed(sweep))
    assert made.leftovers() == []
    assert not data.place(made.machines, made.id).exists()


def kept(rig: Rig) -> str:
    """What is in the file, whose it is, and the size of the disk in megabytes."""
    return rig.run(
        "cat /mnt/launchpad/apps/kept; stat -c %U /mnt/launchpad/apps/kept; df -BM --output=size /mnt/launchpad"
    )


def test_it_is_there_after_a_restart_from_inside_and_for_a_new_machine(rig: Rig) -> None:
    before = kept(rig)
    assert before.splitlines()[:2] == ["row", "root"]
    started = rig.run(STARTED)
    rig.ssh("sudo systemctl reboot")
    until = time.monotonic() + 120
    while rig.ssh(STARTED).stdout.strip() in ("", started):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert kept(rig) == before
    rig.ask("destroy")
    assert rig.ask("inspect")["state"] == "absent"
    rig.ensure(data_disk=SIZE)
    assert kept(rig) == before


def test_it_grows_as_the_systems_disk_does_and_does_not_shrink(rig: Rig) -> None:
    before = rig.ask("inspect")
    after = rig.ensure(data_disk=2 * SIZE)
    assert (after["data_disk"], after["disk"]) == (2 * SIZE, before["disk"])
    assert (after["boot_id"] == before["boot_id"]) is growth.may_resize()
    assert int(kept(rig).split()[-1].rstrip("M")) > SIZE >> 20
    assert (
        "launchpad:embedded.data_disk is 64M, but the machine's disk has 128M"
        in rig.ask("ensure", data_disk=SIZE)["error"]
    )
    assert "Set launchpad:embedded.data_disk to 128M or more" in rig.ask("ensure", data_disk=0)["error"]
    assert kept(rig).splitlines()[:2] == ["row", "root"]


def test_it_is_given_to_nobody_else_and_not_taken_from_a_machine(rig: Rig) -> None:
    other = replace(rig.owner, clone="/somebody/else")
    claim = ClaimData(rig.id, other)
    assert "belongs to stack e2e of project test in" in ask(claim, rig.feed(claim))["error"]
    request = replace(rig.request(data_disk=2 * SIZE), owner=other)
    assert "belongs to stack e2e of project test in" in ask(request, rig.feed(request))["error"]
    moved, back = replace(request, data_owner=rig.owner), rig.request(data_disk=2 * SIZE)
    assert [ask(each, rig.feed(each)).get("state") for each in (moved, back)] == ["running", "running"]
    for said in ("delete", "snapshot", "keep"):
        release = ReleaseData(rig.id, said)
        assert "still has this disk for data. Destroy the machine first." in ask(release, rig.feed(release))["error"]
    look = InspectData(rig.id)
    assert ask(look, rig.feed(look))["owner"]["clone"] == str(Path(rig.owner.clone))
    assert kept(rig).splitlines()[:2] == ["row", "root"]
