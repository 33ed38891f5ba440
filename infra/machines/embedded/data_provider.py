"""The disk for data of an embedded machine as a Pulumi resource: it is there before the machine and goes after it."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from infra.machines.embedded import client
from infra.machines.embedded.requests import ClaimData, InspectData, ListMachines, ReleaseData, Request
from infra.machines.embedded.shell import MachineError, progress
from infra.machines.embedded.sizes import show
from infra.machines.embedded.state import DataState, Owner
from infra.machines.providers import PlainError, PlainProvider
from infra.protocol import codec


class DataProvider(PlainProvider):
    """Owns the disk; the driver makes it and mounts it with the machine, so that a new machine gets it again."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Check whose a disk is that is there already. Of one that the state has, the machine's own check asks that."""
        inputs = dict(news)
        if _olds.get("disk"):
            # keeps the disk, and whose it is, if the clone was moved to another directory
            return CheckResult(inputs | {"disk": _olds["disk"], "owner": _olds["owner"]}, [])
        try:
            found = client.ask(InspectData(inputs["disk"]))
        except MachineError as error:
            return CheckResult(inputs, [CheckFailure("", str(error))])
        if found.state != "absent" and found.owner != codec.parse(Owner, dict(inputs["owner"])):
            return CheckResult(inputs, [CheckFailure("", found.refusal())])
        if found.state == "absent":
            _tell_of_others(inputs)
        else:
            kept = f"kept on {found.kept}" if found.kept else "of an earlier state"
            progress(f"the disk for data is there, {kept}: {show(found.used)} in {found.image}")
        return CheckResult(inputs, [])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """The changes: all of them in place."""
        return DiffResult(changes=_olds.get("on_destroy") != _news.get("on_destroy"), replaces=[])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Own the disk, whether it is there already or not."""
        _ask(_claim(props))
        return CreateResult(props["disk"], dict(props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Have something else become of it."""
        _ask(_claim(_news))
        return UpdateResult(dict(_news))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Whether the disk is there, and in use."""
        return ReadResult(id_, props) if _ask(InspectData(id_)).state == "used" else ReadResult("", {})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Do with the disk what the stack says that becomes of it."""
        _ask(ReleaseData(_id, _props.get("on_destroy") or ""))


def _tell_of_others(inputs: dict[str, Any]) -> None:
    """Tell of the disks that a stack of this name has kept in another clone, such as this one before it was moved."""
    owner = codec.parse(Owner, dict(inputs["owner"]))
    for each in client.ask(ListMachines()).disks:
        if each.state == "kept" and (each.owner.project, each.owner.stack) == (owner.project, owner.stack):
            progress(
                f"DATA: this stack begins with an empty disk. Stack {owner.stack} of {each.owner.clone} has kept one "
                f"on {each.kept}: {show(each.used)} in {each.image}. To go on with that one: launchpad data adopt "
                f"{each.id} --stack {owner.stack}"
            )


def _claim(props: dict[str, Any]) -> ClaimData:
    return ClaimData(props["disk"], codec.parse(Owner, dict(props["owner"])), props.get("on_destroy") or "")


def _ask(request: Request[DataState]) -> DataState:
    try:
        return client.ask(request)
    except MachineError as error:
        raise PlainError(str(error)) from None


class DataResource(Resource, module="launchpad", name="EmbeddedDataDisk"):
    """The disk for data of a system container on this computer.

    Attributes:
        owner: Whose it is: the same as long as the stack has a state, wherever its clone is moved.
    """

    owner: pulumi.Output[dict[str, str]]

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(DataProvider(), name, props, opts)
