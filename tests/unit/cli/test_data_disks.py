"""``launchpad data``: what there is, for people and as JSON, and where no disk changes hands."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import data_disks, main, root
from cli.failure import Failure
from cli.project import Project
from cli.stack import Stack
from infra.machines.embedded import client
from infra.machines.embedded.answers import Machines
from infra.machines.embedded.requests import AdoptData, ListMachines
from infra.machines.embedded.shell import MachineError
from infra.machines.embedded.state import DataState, Owner

OWNER = Owner("/home/ana/launchpad", "launchpad", "dev", "machine")
KEPT = DataState(
    "kept", "lp00000001", OWNER, 4 * 2**30, 12 * 2**20, kept="2026-11-27 18:00 UTC", image="/data/lp00000001/data.img"
)
USED = DataState("used", "lp00000002", Owner(), 2**30, 2**20, image="/data/lp00000002/data.img")
TAKEN = DataState("snapshot", "lp1-20261127-180000", OWNER, 2**30, 2**20, kept="2026-11-27 18:00 UTC", image="/s.img")


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    (tmp_path / "Pulumi.yaml").write_text("name: launchpad\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(root, "need", lambda _stack: None)
    return Stack(Project(tmp_path), "dev")


def answering(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[Any]:
    asked: list[Any] = []

    def ask(request: Any) -> Any:
        asked.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(client, "ask", ask)
    return asked


def test_disks_and_snapshots_are_a_table(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, Machines(disks=(KEPT, USED), snapshots=(TAKEN,)))
    found = data_disks.listed(stack)
    assert asked == [ListMachines()]
    assert data_disks.table(found) == [
        "ID                   WHAT      SIZE       STACK          STATE                          PLACE",
        "lp00000001           disk      12M of 4G  launchpad/dev  kept on 2026-11-27 18:00 UTC   /home/ana/launchpad",
        "lp00000002           disk      1M of 1G   ?/?            in use                         /data/lp00000002/data.img",
        "lp1-20261127-180000  snapshot  1M of 1G   launchpad/dev  taken on 2026-11-27 18:00 UTC  /home/ana/launchpad",
    ]


@pytest.mark.usefixtures("stack")
def test_as_json_it_is_a_list_and_nothing_is_an_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, Machines(disks=(KEPT,)))
    done = CliRunner().invoke(main.app, ["data", "list", "--json"])
    assert json.loads(done.output) == [
        {
            "id": "lp00000001",
            "what": "disk",
            "state": "kept on 2026-11-27 18:00 UTC",
            "size": "12M of 4G",
            "stack": "launchpad/dev",
            "place": "/home/ana/launchpad",
        }
    ]
    answering(monkeypatch, Machines())
    assert json.loads(CliRunner().invoke(main.app, ["data", "list", "--json"]).output) == []
    assert CliRunner().invoke(main.app, ["data", "list"]).output == "none\n"


def test_a_disk_goes_to_the_stack_that_is_named(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, KEPT)
    monkeypatch.delenv("LAUNCHPAD_COMMAND", raising=False)
    assert data_disks.adopt(stack, "lp9", abandoned=True) == (
        "stack dev has lp9 as its disk for data now: 12M of 4G in /data/lp00000001/data.img. Next: launchpad up"
    )
    assert asked == [AdoptData("lp9", Owner(str(stack.project.root), "launchpad", "dev", "machine"), abandoned=True)]
    answering(monkeypatch, MachineError("There is no disk"))
    for refused in (lambda: data_disks.adopt(stack, "lp9", abandoned=False), lambda: data_disks.listed(stack)):
        with pytest.raises(Failure, match="There is no disk"):
            refused()


def test_a_server_has_no_disk_to_hand_over(stack: Stack) -> None:
    stack.file.write_text("config:\n  launchpad:machine: server\n")
    for refused in (lambda: data_disks.adopt(stack, "x", abandoned=False), lambda: data_disks.listed(stack)):
        with pytest.raises(
            Failure, match=r"the data of a machine server is on the machine itself.* restore --into STACK"
        ):
            refused()


@pytest.mark.parametrize("kind", ["ec2", "lightsail"])
def test_at_aws_the_region_comes_from_the_settings(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, kind: str, tmp_path: Path
) -> None:
    stack.file.write_text(f"config:\n  launchpad:machine: {kind}\n")
    for refused in (lambda: data_disks.adopt(stack, "x", abandoned=False), lambda: data_disks.listed(stack)):
        with pytest.raises(Failure, match=rf"launchpad:{kind}\.region of stack dev is empty"):
            refused()
    stack.file.write_text(f"config:\n  launchpad:machine: {kind}\n  launchpad:{kind}.region: eu-central-1\n")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(Failure, match="cannot ask AWS: Unable to locate credentials"):
        data_disks.listed(stack)
