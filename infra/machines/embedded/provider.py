"""The embedded machine as a Pulumi resource: a thin layer over the driver."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, ReadResult, Resource, UpdateResult
from pulumi.runtime import rpc

from infra.machines.embedded import desk, sizes
from infra.machines.embedded.recipe import SUITES
from infra.machines.embedded.shell import MachineError, progress
from infra.machines.embedded.sizes import cannot_shrink
from infra.machines.providers import PlainError, PlainProvider

HARDWARE = ("suite", "host_key", "authorized_key", "machine")
"""Inputs that a machine is born with: another value is another machine."""

ADJUSTABLE = ("memory", "cpus", "disk", "firewall")
"""Inputs that a running machine takes on."""

IDENTITY = ("address", "instance_id", "boot_id")
"""Outputs that say which machine it is. ``check`` puts those that will stay among the inputs: what the inputs have is
known in a preview, and what they lack will be new. So dependants see exactly what is going to change for them."""

EXPLANATIONS = {
    "stopped": "the machine does not run; `pulumi up` starts it, with its disk as it was",
    "absent": "the machine is gone; `pulumi up` makes a new one",
}

SIZES = {"memory": "128M", "disk": "512M"}
"""The sizes, and how small each may be."""


class MachineProvider(PlainProvider):
    """Create, read, update and delete through the driver; every call may be repeated after an interruption."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Look at the inputs and at the real machine."""
        inputs = {name: value for name, value in news.items() if name not in IDENTITY and value is not None}
        if _olds.get("machine"):
            inputs["machine"] = _olds["machine"]  # a clone that was moved keeps its machine
        failures = [*bad_sizes(inputs), *bad_suite(inputs)]
        if failures:
            return CheckResult(inputs, failures)
        try:
            spec = {"suite": inputs["suite"], "disk": sizes.parse(str(inputs["disk"]))}
            live = desk.ask("inspect", id=inputs["machine"], spec=spec, check=True)
        except MachineError as error:
            return CheckResult(inputs, [CheckFailure("", str(error))])
        if _olds and live["state"] != "running":
            progress(EXPLANATIONS[live["state"]])
        if live["state"] == "absent":
            failures = [CheckFailure("", problem) for problem in live["problems"]]
        elif is_same_hardware(live, inputs):
            inputs |= {"address": live["address"], "instance_id": live["instance_id"]}
            restarts = live["disk"] < spec["disk"] and live.get("restarts_to_grow")
            if live["state"] == "running" and not restarts:
                inputs["boot_id"] = live["boot_id"]
            if live["disk"] > spec["disk"]:
                failures = [CheckFailure("disk", cannot_shrink(live["disk"], spec["disk"]))]
            else:
                failures = [CheckFailure("disk", problem) for problem in live["problems"]]
        return CheckResult(inputs, failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """What is to change; ``check`` has looked at the real machine just before."""
        replaces = [name for name in HARDWARE if _olds.get(name) != _news.get(name)]
        changes = [name for name in (*ADJUSTABLE, *IDENTITY) if _olds.get(name) != _news.get(name)]
        return DiffResult(changes=bool(replaces or changes), replaces=replaces, delete_before_replace=True)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Make the machine, or finish one that an interrupted run began."""
        return CreateResult(props["machine"], ensure(props["machine"], props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Give the machine its new settings; if it does not run, start it; if it is gone, make it again."""
        return UpdateResult(ensure(_id, _news))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """How the machine is."""
        try:
            live = desk.ask("inspect", id=id_)
        except MachineError as error:
            raise PlainError(str(error)) from None
        if live["state"] == "absent":
            return ReadResult("", {})
        return ReadResult(id_, {**props, **{name: live[name] for name in ("state", *IDENTITY)}})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Remove the machine and everything that belongs to it."""
        try:
            desk.ask("destroy", id=_id)
        except MachineError as error:
            raise PlainError(str(error)) from None


def bad_sizes(inputs: dict[str, Any]) -> list[CheckFailure]:
    """What is wrong with the sizes."""
    failures = []
    for name, least in SIZES.items():
        try:
            if sizes.parse(str(inputs[name])) < sizes.parse(least):
                failures.append(CheckFailure(name, f"{inputs[name]} is too little: at least {least}"))
        except ValueError as error:
            failures.append(CheckFailure(name, str(error)))
    return failures


def bad_suite(inputs: dict[str, Any]) -> list[CheckFailure]:
    """What is wrong with the suite: found out before the machine that is to be replaced is gone."""
    if inputs["suite"] in SUITES:
        return []
    return [CheckFailure("suite", f"{inputs['suite']} is not among {', '.join(SUITES)}")]


def is_same_hardware(live: dict[str, Any], inputs: dict[str, Any]) -> bool:
    """Whether the machine that is there is the one that the inputs ask for; unknown inputs are those of a new one."""
    return all(inputs[name] != rpc.UNKNOWN and live[name] == inputs[name] for name in HARDWARE if name != "machine")


def ensure(machine: str, props: dict[str, Any]) -> dict[str, Any]:
    """Have the driver make the machine so; gives the resource's outputs."""
    spec = {name: props[name] for name in ("suite", "host_key", "authorized_key", "firewall")}
    spec |= {name: sizes.parse(props[name]) for name in SIZES}
    spec["firewall"] = [
        {**rule, "from_port": int(rule["from_port"]), "to_port": int(rule["to_port"])} for rule in props["firewall"]
    ]
    spec["cpus"] = props.get("cpus")
    try:
        live = desk.ask(
            "ensure",
            id=machine,
            owner=props["owner"],
            hostname=props["hostname"],
            user_data=props["user_data"],
            spec=spec,
        )
    except MachineError as error:
        raise PlainError(str(error)) from None
    outs = {name: value for name, value in props.items() if not name.startswith("__")}
    return {**outs, **{name: live[name] for name in ("state", *IDENTITY)}}


class MachineResource(Resource, module="launchpad", name="EmbeddedMachine"):
    """One system container on this computer."""

    address: pulumi.Output[str]
    instance_id: pulumi.Output[str]
    boot_id: pulumi.Output[str]
    state: pulumi.Output[str]

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        outputs = {"address": None, "instance_id": None, "boot_id": None, "state": None}
        secret = pulumi.ResourceOptions(additional_secret_outputs=["user_data"])
        super().__init__(MachineProvider(), name, {**props, **outputs}, pulumi.ResourceOptions.merge(opts, secret))
