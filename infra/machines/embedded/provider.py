"""The embedded machine as a Pulumi resource: a thin layer over the driver."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, ReadResult, Resource, UpdateResult
from pulumi.runtime import rpc

from infra.machines.embedded import adoption, client, forwards, sizes
from infra.machines.embedded.recipe import SUITES
from infra.machines.embedded.requests import Check, Destroy, Ensure, Inspect
from infra.machines.embedded.shell import MachineError, progress
from infra.machines.embedded.sizes import cannot_shrink
from infra.machines.embedded.state import MachineSpec, MachineState, Owner
from infra.machines.embedded.volume import SYSTEM
from infra.machines.providers import PlainError, PlainProvider
from infra.protocol import codec
from infra.protocol.firewall import Rule

HARDWARE = ("suite", "host_key", "authorized_key", "machine")
"""Inputs fixed at creation. Changing one replaces the machine."""

ADJUSTABLE = ("memory", "cpus", "disk", "data_disk", "firewall", "forwards")
"""Inputs that can change while the machine runs. ``check`` adds ``forwards``, the ports that get one on loopback."""

IDENTITY = ("address", "local_ports", "instance_id", "boot_id")
"""Outputs that identify the machine. ``check`` adds those that stay the same to the inputs. In a preview, the outputs
among the inputs are known and the missing ones will be new, so dependants see exactly what will change for them."""

EXPLANATIONS = {
    "stopped": "the machine is stopped; `pulumi up` starts it with its disk unchanged",
    "absent": "the machine is gone; `pulumi up` creates a new one",
}

SIZES = {"memory": "128M", "disk": "512M", "data_disk": "64M"}
"""The smallest allowed value of each size; of ``data_disk`` also 0."""


class MachineProvider(PlainProvider):
    """Creates, reads, updates and deletes the machine through the driver; every call may be repeated."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Check the inputs and the real machine."""
        inputs = {name: value for name, value in news.items() if name not in IDENTITY and value is not None}
        if _olds.get("machine"):
            inputs["machine"] = _olds["machine"]  # keeps the machine if the clone was moved to another directory
        inputs["forwards"] = list(forwards.wanted(codec.parse(Rule, rule) for rule in inputs["firewall"]))
        failures = [*bad_sizes(inputs), *bad_suite(inputs)]
        if failures:
            return CheckResult(inputs, failures)
        try:
            # If the size is an output of another resource, it may be unknown in a preview; `up` then checks it.
            disk = sizes.parse(str(SIZES["disk"] if inputs["disk"] == rpc.UNKNOWN else inputs["disk"]))
            data_disk = None if inputs["data_disk"] == rpc.UNKNOWN else sizes.parse(str(inputs["data_disk"]))
            owner = owner_of(inputs, "data_owner")
            checked = client.ask(Check(inputs["machine"], inputs["suite"], disk, data_disk, owner))
        except MachineError as error:
            return CheckResult(inputs, [CheckFailure("", str(error))])
        live = checked.machine
        if _olds and live.state != "running":
            progress(EXPLANATIONS[live.state])
        keys = (inputs["host_key"], inputs["authorized_key"])
        if not _olds and live.state != "absent" and keys != (live.host_key, live.authorized_key) and not live.adoptable:
            failures = [CheckFailure("", adoption.refusal(live.id))]
        elif live.state == "absent":
            failures = [CheckFailure("", problem) for problem in checked.problems]
        elif is_same_hardware(live, inputs):
            inputs |= {"address": live.address, "instance_id": live.instance_id}
            unknown = data_disk is None or inputs["disk"] == rpc.UNKNOWN
            grows = unknown or live.disk < disk or live.data_disk < (data_disk or 0)
            gets_one = live.data_disk == 0 and data_disk != 0
            restarts = gets_one or (checked.restarts_to_grow and grows)
            if live.state == "running" and not restarts:
                inputs["boot_id"] = live.boot_id
            if [port for port, _ in live.local_ports] == inputs["forwards"]:
                inputs["local_ports"] = dict(live.local_ports)
            if live.disk > disk and inputs["disk"] != rpc.UNKNOWN:
                failures = [CheckFailure("disk", cannot_shrink(live.disk, disk, SYSTEM.key))]
            else:
                failures = [CheckFailure("disk", problem) for problem in checked.problems]
        return CheckResult(inputs, failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """The changes; ``check`` has just compared the inputs with the real machine."""
        replaces = [name for name in HARDWARE if _olds.get(name) != _news.get(name)]
        replaces += ["data_disk"] if has_data_disk(_olds) and not has_data_disk(_news) else []
        changes = [name for name in (*ADJUSTABLE, *IDENTITY) if _olds.get(name) != _news.get(name)]
        return DiffResult(changes=bool(replaces or changes), replaces=replaces, delete_before_replace=True)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Create the machine, or complete one that an interrupted run began."""
        return CreateResult(props["machine"], ensure(props["machine"], props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Apply the new settings; start the machine if it is stopped, recreate it if it is gone."""
        return UpdateResult(ensure(_id, _news))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Read the machine's state."""
        try:
            live = client.ask(Inspect(id_))
        except MachineError as error:
            raise PlainError(str(error)) from None
        return ReadResult("", {}) if live.state == "absent" else ReadResult(id_, {**props, **outputs(live)})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Remove the machine and everything that belongs to it."""
        try:
            client.ask(Destroy(_id))
        except MachineError as error:
            raise PlainError(str(error)) from None


def has_data_disk(inputs: dict[str, Any]) -> bool:
    """Whether inputs ask for a disk for data. A machine that has one loses it only by being replaced."""
    size = str(inputs.get("data_disk") or "0")
    return size == rpc.UNKNOWN or sizes.parse(size) > 0


def owner_of(inputs: dict[str, Any], name: str) -> Owner:
    """An owner among inputs; an empty one if there is none, or it is not known yet."""
    given = inputs.get(name)
    return Owner() if given in (None, rpc.UNKNOWN) else codec.parse(Owner, dict(given))


def bad_sizes(inputs: dict[str, Any]) -> list[CheckFailure]:
    """The invalid sizes among the inputs."""
    failures = []
    for name, least in SIZES.items():
        if inputs[name] == rpc.UNKNOWN or (name == "data_disk" and str(inputs[name]) == "0"):
            continue
        try:
            if sizes.parse(str(inputs[name])) < sizes.parse(least):
                failures.append(CheckFailure(name, f"{inputs[name]} is too small; it must be at least {least}"))
        except ValueError as error:
            failures.append(CheckFailure(name, str(error)))
    return failures


def bad_suite(inputs: dict[str, Any]) -> list[CheckFailure]:
    """An unknown suite among the inputs, found before the machine to replace is deleted."""
    if inputs["suite"] in SUITES:
        return []
    return [CheckFailure("suite", f"{inputs['suite']} is unknown; it must be one of {', '.join(SUITES)}")]


def is_same_hardware(live: MachineState, inputs: dict[str, Any]) -> bool:
    """Whether the existing machine satisfies the inputs without being replaced; unknown inputs mean a new machine."""
    return all(
        inputs[name] != rpc.UNKNOWN and getattr(live, name) == inputs[name] for name in HARDWARE if name != "machine"
    )


def ensure(machine: str, props: dict[str, Any]) -> dict[str, Any]:
    """Make the driver create or update the machine.

    Args:
        machine: The machine's id.
        props: The resource's inputs.

    Returns:
        The resource's outputs.

    Raises:
        PlainError: With the driver's message.
    """
    spec = MachineSpec(
        suite=props["suite"],
        host_key=props["host_key"],
        authorized_key=props["authorized_key"],
        memory=sizes.parse(str(props["memory"])),
        disk=sizes.parse(str(props["disk"])),
        data_disk=sizes.parse(str(props["data_disk"])),
        cpus=props.get("cpus"),
        firewall=tuple(codec.parse(Rule, rule) for rule in props["firewall"]),
    )
    owner, disk_owner = owner_of(props, "owner"), owner_of(props, "data_owner")
    try:
        live = client.ask(Ensure(machine, owner, props["hostname"], props["user_data"], spec, disk_owner))
    except MachineError as error:
        raise PlainError(str(error)) from None
    outs = {name: value for name, value in props.items() if not name.startswith("__")}
    return {**outs, **outputs(live)}


def outputs(live: MachineState) -> dict[str, Any]:
    """The outputs that describe a machine."""
    return {name: getattr(live, name) for name in ("state", *IDENTITY)} | {"local_ports": dict(live.local_ports)}


class MachineResource(Resource, module="launchpad", name="EmbeddedMachine"):
    """One system container on this computer."""

    address: pulumi.Output[str]
    local_ports: pulumi.Output[dict[str, str]]
    instance_id: pulumi.Output[str]
    boot_id: pulumi.Output[str]
    state: pulumi.Output[str]

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        outputs = dict.fromkeys(("state", *IDENTITY))
        # `pulumi up --replace URN` does not ask the provider: a machine that is made first would be deleted after that.
        fixed = pulumi.ResourceOptions(additional_secret_outputs=["user_data"], delete_before_replace=True)
        super().__init__(MachineProvider(), name, {**props, **outputs}, pulumi.ResourceOptions.merge(opts, fixed))
