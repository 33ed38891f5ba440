"""The disk for data of an embedded machine as a resource, and what the machine and its apps are told of it."""

from __future__ import annotations

import json

import pytest

from infra.machines.embedded.machine import EmbeddedArgs, EmbeddedMachine
from infra.protocol.on_destroy import OnDestroy
from tests.program.recorder import Recording, Registration, run
from tests.program.test_deployment import FIREWALL, deploy

TYPE = "pulumi-python:dynamic/launchpad:EmbeddedDataDisk"


def shown(data_disk: str, on_destroy: OnDestroy = "") -> Recording:
    args = EmbeddedArgs(FIREWALL, data_disk=data_disk, on_destroy=on_destroy)
    return run(lambda: deploy("shop", EmbeddedMachine("box", args).machine), {})


def machine_of(recording: Recording) -> Registration:
    """The container itself, and not the component that has it."""
    (found,) = [each for each in recording.registrations if each.name == "box" and "dynamic" in each.type]
    return found


@pytest.mark.parametrize("on_destroy", ["", "keep"])
def test_a_machine_has_a_disk_for_data_that_is_a_resource_of_its_own(on_destroy: OnDestroy) -> None:
    recording = shown("2G", on_destroy)
    disk, machine = recording.one("box-data"), machine_of(recording)
    assert disk.type == TYPE
    assert disk.inputs == {
        "disk": machine.inputs["machine"],
        "owner": machine.inputs["owner"],
        "on_destroy": on_destroy,
    }
    assert (machine.inputs["data_disk"], machine.inputs["data_owner"]) == ("2G", disk.inputs["owner"])
    assert json.loads(recording.one("shop-prepare").inputs["stdin"])["data_disk"] == "mounted"
    names = [each.name for each in recording.registrations]
    assert names.index("box-data") < recording.registrations.index(machine)


def test_a_machine_may_have_none() -> None:
    recording = shown("0")
    assert [each for each in recording.registrations if each.type == TYPE] == []
    assert machine_of(recording).inputs["data_disk"] == "0"
    assert json.loads(recording.one("shop-prepare").inputs["stdin"])["data_disk"] == ""
