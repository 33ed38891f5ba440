"""toolchain/bin/pulumi and heal.py: the next command works after a killed one, and nobody else's lock is touched."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.toolchain.clone import Clone, executable

DEAD = 2**22 + 1  # above every process id that Linux gives


def lock(clone: Clone, pid: int, hostname: str = "") -> Path:
    folder = clone.root / ".launchpad/state/.pulumi/locks/organization/launchpad/dev"
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "pid": pid,
        "username": "me",
        "hostname": hostname or socket.gethostname(),
        "timestamp": "2026-01-01T00:00:00Z",
    }
    file = folder / f"{pid}.json"
    file.write_text(json.dumps(content, separators=(",", ":")))
    file.with_name(file.name + ".attrs").write_text("{}")
    return file


def state(clone: Clone, *pending: dict[str, Any]) -> Path:
    file = clone.root / ".launchpad/state/.pulumi/stacks/launchpad/dev.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    latest: dict[str, Any] = {"resources": [{"urn": "urn:root"}]}
    if pending:
        latest["pending_operations"] = list(pending)
    file.write_text(json.dumps({"version": 3, "checkpoint": {"latest": latest}}, indent=4))
    return file


def operation(name: str, kind: str, doing: str = "creating", **inputs: str) -> dict[str, Any]:
    return {
        "type": doing,
        "resource": {"urn": f"urn:pulumi:dev::launchpad::{kind}::{name}", "type": kind, "inputs": inputs},
    }


def latest(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text())["checkpoint"]["latest"]
    return found


@pytest.fixture
def wrapped(clone: Clone) -> Clone:
    """A clone whose real CLI prints its arguments and its process id."""
    executable(clone.root / ".launchpad/bin/pulumi", 'echo "real $* $PULUMI_BACKEND_URL $$ $LAUNCHPAD_PULUMI_PID"')
    state(clone)
    return clone


@pytest.fixture
def live_pulumi(tmp_path: Path) -> Iterator[int]:
    """A running process called pulumi."""
    program = Path(shutil.copy("/bin/sleep", tmp_path / "pulumi"))
    with subprocess.Popen([program, "60"]) as process:
        yield process.pid
        process.kill()


def pulumi(clone: Clone, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return clone.run(clone.root / "toolchain/bin/pulumi", *words, **more)


def test_runs_the_real_one_with_the_clones_settings(wrapped: Clone) -> None:
    done = pulumi(wrapped, "up", "--yes")
    backend, before, after = done.stdout.removeprefix("real up --yes ").rsplit(" ", 2)
    assert backend == f"file://{wrapped.root}/.launchpad/state"
    assert before == after.strip()
    assert done.stderr == ""


def test_without_a_toolchain_says_what_to_run(clone: Clone) -> None:
    done = pulumi(clone, "up")
    assert done.returncode == 1
    assert done.stderr.startswith("launchpad: Pulumi's CLI is not here yet. Run: make -C ")


def test_takes_over_the_lock_of_a_dead_process(wrapped: Clone) -> None:
    file = lock(wrapped, DEAD)
    done = pulumi(wrapped, "up")
    assert done.stderr == f"launchpad: removed the lock of pid {DEAD}, which is no longer running\n"
    assert list(file.parent.iterdir()) == []
    assert done.stdout.startswith("real up")


def test_a_reused_process_id_is_not_the_holder(wrapped: Clone) -> None:
    file = lock(wrapped, os.getpid())
    pulumi(wrapped, "up")
    assert not file.exists()


def test_the_lock_of_a_running_pulumi_stays(wrapped: Clone, live_pulumi: int) -> None:
    file = lock(wrapped, live_pulumi)
    content = state(wrapped, operation("run", "command:remote:Command")).read_text()
    done = pulumi(wrapped, "up")
    assert done.stderr == ""
    assert file.exists()
    assert (wrapped.root / ".launchpad/state/.pulumi/stacks/launchpad/dev.json").read_text() == content


def test_the_lock_of_another_computer_stays(wrapped: Clone) -> None:
    file = lock(wrapped, DEAD, hostname="elsewhere")
    assert pulumi(wrapped, "up").stderr == ""
    assert file.exists()


def test_the_users_own_backend_is_left_alone(wrapped: Clone) -> None:
    file = lock(wrapped, DEAD)
    assert pulumi(wrapped, "up", PULUMI_BACKEND_URL="s3://bucket").stderr == ""
    assert file.exists()


def test_an_interrupted_machine_is_recorded_as_begun(wrapped: Clone) -> None:
    kind = "pulumi-python:dynamic/launchpad:EmbeddedMachine"
    file = state(wrapped, operation("machine", kind, machine="lp12345678", memory="1G"))
    done = pulumi(wrapped, "destroy")
    inputs = {"machine": "lp12345678", "memory": "1G"}
    urn = f"urn:pulumi:dev::launchpad::{kind}::machine"
    assert latest(file)["resources"][1:] == [
        {"urn": urn, "type": kind, "inputs": inputs, "id": "lp12345678", "outputs": inputs}
    ]
    assert "pending_operations" not in latest(file)
    assert done.stderr == (
        "launchpad: machine: creating was interrupted; the next update repeats it, a destroy undoes it\n"
    )


def test_a_state_cut_off_by_a_kill_is_taken_back_from_its_copy(wrapped: Clone) -> None:
    file = state(wrapped, operation("release", "command:remote:Command", "updating"))
    file.rename(file.with_name("dev.json.bak"))
    file.touch()
    done = pulumi(wrapped, "up")
    assert done.stderr == (
        "launchpad: dev: the state was cut off when pulumi was killed; its previous version is back in place\n"
        "launchpad: release: updating was interrupted; the next update repeats it, a destroy undoes it\n"
    )
    assert latest(file) == {"resources": [{"urn": "urn:root"}]}
    assert file.stat().st_mode & 0o777 == 0o600
    assert pulumi(wrapped, "up").stderr == ""


def test_a_cut_off_state_without_a_copy_is_named_and_left(wrapped: Clone) -> None:
    file = state(wrapped)
    file.write_text("")
    done = pulumi(wrapped, "up")
    assert done.stderr == (
        f"launchpad: {file} was damaged when pulumi was killed, and there is no copy of it: "
        "restore it from a backup of yours\n"
    )
    assert file.read_text() == ""


def test_a_lock_cut_off_by_a_kill_is_removed(wrapped: Clone) -> None:
    file = lock(wrapped, DEAD)
    file.write_text("")
    assert pulumi(wrapped, "up").stderr == ""
    assert not file.exists()


def test_repeatable_operations_are_forgotten_and_a_clouds_are_not(wrapped: Clone) -> None:
    cloud = operation("web", "aws:ec2/instance:Instance")
    file = state(wrapped, operation("release", "command:remote:Command", "updating"), cloud)
    assert pulumi(wrapped, "up").stderr.startswith("launchpad: release: updating was interrupted")
    assert latest(file) == {"resources": [{"urn": "urn:root"}], "pending_operations": [cloud]}
    assert pulumi(wrapped, "up").stderr == ""  # said once
    assert latest(file)["pending_operations"] == [cloud]


def test_plugins_of_the_dead_process_are_ended_and_machines_are_not(wrapped: Clone) -> None:
    marked = {
        **os.environ,
        "LAUNCHPAD_PULUMI_PID": str(DEAD),
        "PULUMI_BACKEND_URL": f"file://{wrapped.root}/.launchpad/state",
    }
    other = {**marked, "LAUNCHPAD_PULUMI_PID": str(DEAD + 1)}
    script = "import time; time.sleep(60)"
    with (
        subprocess.Popen([sys.executable, "-c", script, "pulumi.dynamic"], env=marked) as plugin,
        subprocess.Popen([sys.executable, "-c", script, "pulumi.dynamic"], env=other) as another,
        subprocess.Popen([sys.executable, "-c", script, "systemd-nspawn"], env=marked) as machine,
    ):
        try:
            time.sleep(0.2)  # until they are past exec
            lock(wrapped, DEAD)
            pulumi(wrapped, "up")
            assert plugin.wait(timeout=5) != 0
            assert (another.poll(), machine.poll()) == (None, None)
        finally:
            for process in (plugin, another, machine):
                process.kill()
