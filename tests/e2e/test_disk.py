"""The embedded machine's disk for real: it grows, whatever else runs on this computer, and a killed growth is finished."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.machines.embedded import client, growth, superblock
from tests.e2e.test_machine import Rig

STEP = 64 * 2**20

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="looks at the machine from this computer's root")


@pytest.fixture(scope="module")
def rigs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Rig]]:
    """Three machines in one directory, made one after the other; each test leaves them running."""
    place = tmp_path_factory.mktemp("disks")
    made = [Rig(place, name) for name in ("first", "second", "third")]
    try:
        for one in made:
            one.ensure()
        yield made
    finally:
        for one in made:
            one.ask("destroy")
    assert [one.leftovers() for one in made] == [[], [], []]


def size(rig: Rig) -> int:
    """The disk that the machine is recorded to have."""
    return int(rig.ask("inspect")["disk"])


def wait_for_ssh(rig: Rig) -> None:
    """The machine answers."""
    until = time.monotonic() + 90
    while not rig.opens(22):
        assert time.monotonic() < until, f"{rig.id} does not answer"
        time.sleep(0.05)


def wait_until_stopped(rig: Rig) -> None:
    """The machine has shut down."""
    until = time.monotonic() + 90
    while rig.ask("inspect")["state"] != "stopped":
        assert time.monotonic() < until, f"{rig.id} does not shut down"
        time.sleep(0.05)


def ensure_altered(rig: Rig, alteration: str, **spec: Any) -> tuple[int, dict[str, Any]]:
    """Run the driver with a piece of it replaced; gives its exit code and its answer, if it lived to give one."""
    code = (
        f"import os, sys\nfrom infra.machines.embedded import disk, driver, growth, lifecycle, record\n{alteration}\n"
    )
    code += "from infra.machines.embedded.shell import MachineError\nsys.argv = ['driver', 'ensure']\nsys.exit(driver.main())"
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        input=rig.feed(rig.request(**spec)),
        capture_output=True,
        text=True,
        cwd=client.ROOT,
        check=False,
    )
    return done.returncode, json.loads(done.stdout or "{}")


def test_machines_that_grow_stop_and_go_in_any_order_leave_the_others_alone(rigs: list[Rig]) -> None:
    for first in range(3):
        grows, stops, goes = [*rigs[first:], *rigs[:first]]
        before = grows.ask("inspect")
        after = grows.ensure(disk=before["disk"] + STEP)
        assert (after["boot_id"] == before["boot_id"]) is growth.may_resize()
        assert after["disk"] == before["disk"] + STEP

        stops.run("sudo systemctl poweroff & exit 0")
        wait_until_stopped(stops)
        assert stops.ensure(disk=size(stops))["instance_id"]

        assert goes.ask("destroy") == {"machines": [goes.id]}
        assert [one for one in goes.leftovers() if one != str(goes.machines)] == []
        for one in (grows, stops):
            wait_for_ssh(one)
        goes.ensure()
        for one in rigs:
            wait_for_ssh(one)


def test_nothing_else_on_this_computer_sees_a_machines_disk(rigs: list[Rig]) -> None:
    mounts = Path("/proc/self/mountinfo").read_text()

    assert [one.id for one in rigs if one.id in mounts] == []
    later = Path(f"/proc/{rigs[2].pid()}/mountinfo").read_text()
    assert [one.id in later for one in rigs] == [False, False, True]


@pytest.mark.skipif(growth.may_resize(), reason="here a disk in use grows in place")
def test_a_disk_that_would_stay_in_use_is_told_of_before_the_machine_is_stopped(rigs: list[Rig]) -> None:
    rig = rigs[0]
    before = rig.ask("inspect")
    inside = [f"--mount=/proc/{rig.pid()}/ns/mnt", "unshare", "--mount", "--propagation", "private", "sleep", "300"]
    holder = subprocess.Popen(["nsenter", *inside])
    try:
        until = time.monotonic() + 90
        while Path(f"/proc/{holder.pid}/comm").read_text() != "sleep\n":
            assert time.monotonic() < until
            time.sleep(0.02)
        answer = rig.ask("ensure", disk=before["disk"] + STEP)
        problems = rig.ask("check", disk=before["disk"] + STEP)["problems"]
    finally:
        holder.kill()
        holder.wait()

    assert f"cannot grow: it stays in use by process {holder.pid} (sleep). End it first." in answer["error"]
    assert "The machine runs; the size of its disk is still" in answer["error"]
    assert problems == [answer["error"].partition(" The machine runs")[0]]
    after = rig.ask("inspect")
    assert (after["state"], after["boot_id"], after["disk"]) == ("running", before["boot_id"], before["disk"])
    assert rig.ensure(disk=before["disk"] + STEP)["disk"] == before["disk"] + STEP
    wait_for_ssh(rig)


@pytest.mark.skipif(growth.may_resize(), reason="here a disk in use grows in place")
def test_a_growth_that_fails_leaves_the_machine_running_with_its_old_disk(rigs: list[Rig]) -> None:
    rig = rigs[0]
    before = rig.ask("inspect")
    failing = "growth.kilobytes = lambda wanted: 'nonsense'"
    status, answer = ensure_altered(rig, failing, disk=before["disk"] + STEP)

    assert status == 1
    assert "resize2fs" in answer["error"]
    assert "The machine runs; the size of its disk is still" in answer["error"]
    after = rig.ask("inspect")
    assert (after["state"], after["disk"]) == ("running", before["disk"])
    wait_for_ssh(rig)


KILL = "lambda *_, **__: os.kill(os.getpid(), 9)"
RESIZE = "in_place" if growth.may_resize() else "at_rest"
MOMENTS = {
    "before anything": f"growth.{RESIZE} = {KILL}",
    "before the file system grows": f"growth.kilobytes = {KILL}",
    "before it is written down": f"grow = growth.{RESIZE}; growth.{RESIZE} = lambda *a: (grow(*a), os.kill(os.getpid(), 9))",
    "before the machine starts": f"lifecycle.adopt = {KILL}",
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_growth_killed_in_the_middle_is_finished_by_the_next_run(rigs: list[Rig], moment: str) -> None:
    rig = rigs[0]
    before = rig.ask("inspect")
    wanted = before["disk"] + STEP
    assert ensure_altered(rig, MOMENTS[moment], disk=wanted)[0] == -9
    after = rig.ensure(disk=wanted)

    assert (after["state"], after["disk"], after["instance_id"]) == ("running", wanted, before["instance_id"])
    blocks = subprocess.check_output(
        ["losetup", "--noheadings", "--output", "NAME", "-j", rig.machines / rig.id / "disk.img"]
    )
    held = superblock.read(Path(blocks.decode().strip()))
    assert held is not None
    assert wanted - STEP // 2 < held.size <= wanted
    wait_for_ssh(rig)


def test_a_size_taken_back_after_a_killed_growth_is_refused_with_the_size_that_is_there(rigs: list[Rig]) -> None:
    rig = rigs[1]
    before = rig.ask("inspect")["disk"]
    assert ensure_altered(rig, MOMENTS["before it is written down"], disk=before + STEP)[0] == -9

    answer = rig.ask("ensure", disk=before)
    assert "and a disk cannot shrink" in answer["error"]
    assert rig.ask("inspect")["disk"] > before
    rig.ensure(disk=before + STEP)
    wait_for_ssh(rig)


def test_a_device_that_was_left_on_the_disk_is_removed(rigs: list[Rig]) -> None:
    rig = rigs[2]
    rig.run("sudo systemctl poweroff & exit 0")
    wait_until_stopped(rig)
    image = rig.machines / rig.id / "disk.img"
    subprocess.run(["losetup", "--find", image], check=True)
    rig.ensure(disk=size(rig) + STEP)
    wait_for_ssh(rig)

    there = subprocess.run(["losetup", "--noheadings", "-O", "AUTOCLEAR", "-j", image], capture_output=True, check=True)
    assert there.stdout.split() == [b"1"]


def test_a_killed_driver_leaves_no_mount_and_what_it_had_begun_to_change_is_waited_for(rigs: list[Rig]) -> None:
    rig = rigs[1]
    rig.run("sudo systemctl poweroff & exit 0")
    wait_until_stopped(rig)
    image = rig.machines / rig.id / "disk.img"
    orphan = subprocess.Popen(["flock", image, "sleep", "1.5"])
    until = time.monotonic() + 90
    while subprocess.run(["flock", "--nonblock", image, "true"], check=False).returncode == 0:
        assert time.monotonic() < until
    rig.ensure(disk=size(rig))

    assert orphan.poll() is not None
    wait_for_ssh(rig)
