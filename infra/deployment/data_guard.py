"""The guard in front of data loss, as a resource: it depends on everything, so a destroy has to delete it first.

In a preview it says what becomes of the data, and refuses what would delete data although no key says so. When it is
to be deleted, it asks the machine how much data there is, and raises: Pulumi then deletes nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pulumi
from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, Resource, UpdateResult

from infra import ssh
from infra.common.printable import one_line
from infra.deployment import commands, connection, data_changes, data_refusal, settled
from infra.deployment.connection import Connection, Done
from infra.deployment.data_changes import DataTerms
from infra.machines.contract import Machine
from infra.machines.providers import PlainError, PlainProvider
from infra.protocol import codec
from infra.protocol.held_data import HeldData

ANSWERS_WITHIN = 60.0
"""Seconds that the machine may take to count."""
NAME = "data-guard"


class NotCountedError(Exception):
    """Nobody knows how much data there is, with the reason."""


class DataGuardProvider(PlainProvider):
    """Tells in ``check``, which a preview and an update begin with, and refuses there and in ``delete``."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Say what becomes of the data, and refuse what no key says."""
        before, after = DataTerms.of(_olds), DataTerms.of(news)
        if before is None or after is None:
            return CheckResult(news, [])
        found = data_changes.changes(before, after)
        if any(each.protected for each in found):
            return CheckResult(news, [CheckFailure("", data_changes.protection(news["stack"], found))])
        if any(each.unsaid for each in found):
            try:
                held = [each.line() for each in _held(_olds) if not each.is_empty]
            except NotCountedError as why:
                held = [f"how much that is, nobody knows: {why}"]
            if held:
                return CheckResult(news, [CheckFailure("", data_changes.refusal(news["stack"], found, held))])
        if found:
            print("\n".join(each.line for each in found), flush=True)
        return CheckResult(news, [])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Keep the terms."""
        return CreateResult(NAME, props)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """It is never replaced: what is replaced is deleted."""
        names = {*_olds, *_news} - {"__provider"}
        return DiffResult(changes=any(_olds.get(name) != _news.get(name) for name in names), replaces=[])

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Keep the terms."""
        return UpdateResult(_news)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Let go, or refuse the destroy.

        Raises:
            PlainError: The stack holds data, and no key says what becomes of it; or nobody knows whether it does.
        """
        terms = DataTerms.of(_props)
        if terms is None:
            return
        stack = _props["stack"]
        remedy = data_refusal.remedy(stack, terms, data_refusal.said_in_file(stack))
        if not remedy:
            return
        answered = data_refusal.answered(terms)
        try:
            held = [each.line() for each in _held(_props) if not each.is_empty and each.app not in answered]
        except NotCountedError as why:
            raise PlainError(data_refusal.unknown(stack, str(why), terms, remedy)) from None
        held += [data_refusal.PROTECTED] if terms.server else []
        if held:
            raise PlainError(data_refusal.refusal(stack, held, remedy))


def _held(props: dict[str, Any]) -> list[HeldData]:
    """Ask the machine; where its agent gives no answer the copy that an app's agent was installed from.

    On a machine that stays, other stacks may have apps, so only the stack's own count. One that goes takes the data of
    apps along that were taken off it before, too.

    Raises:
        NotCountedError: It gives no answer.
    """
    apps = sorted(props["apps"])
    done = Done(connection.NO_CONNECTION, "", "")
    for line in commands.data(apps, ssh.sudo(props["user"]), every=not props["stays"], disk=props["disk"]):
        done = connection.call(Connection.of(props), line, timeout=ANSWERS_WITHIN)
        if done.code == connection.NO_CONNECTION:
            raise NotCountedError(f"the machine does not answer over SSH ({_last(done)})")
        if done.code == 0:
            break
    if done.code == commands.NOTHING_THERE:
        return []
    try:
        return [codec.parse(HeldData, each) for each in json.loads(done.out)["apps"]]
    except (ValueError, KeyError, TypeError, codec.MessageError):
        raise NotCountedError(f"the machine's agent gives no answer ({_last(done)})") from None


def _last(done: Done) -> str:
    return one_line((done.err.strip().splitlines() or [f"exit status {done.code}"])[-1])


class DataGuard(Resource, module="launchpad", name="DataGuard"):
    """The guard of a stack's data.

    Args:
        terms: What the stack says of it.
        machine: The machine that has it.
        after: All that a destroy deletes; without what is declared later.
        reached: What is made where the machine answers, for each app.
    """

    def __init__(
        self,
        terms: DataTerms,
        machine: Machine,
        after: Sequence[pulumi.Resource],
        reached: Sequence[pulumi.Resource] = (),
    ) -> None:
        properties: dict[str, Any] = {
            **{name: getattr(terms, name) for name in DataTerms.__dataclass_fields__},
            "instance": machine.instance_id,
            "stack": pulumi.get_stack(),
            **connection.properties(machine.ssh, tunnel=False),
        }
        opts = pulumi.ResourceOptions(depends_on=pulumi.Output.from_input(_made(machine, tuple(after), reached)))
        super().__init__(DataGuardProvider(), NAME, properties, opts)


async def _made(
    machine: Machine, resources: Iterable[pulumi.Resource], reached: Sequence[pulumi.Resource] = ()
) -> Sequence[pulumi.Resource]:
    """Those of the resources that are made, once it is known of all.

    Raises:
        RunError: The machine failed, without which there is no guard; or none is reached, so that the one that it
            takes the place of is to stay. Then this update deletes nothing.
    """
    found = await settled.made(resources)
    access = machine.ssh
    way = pulumi.Output.all(machine.instance_id, access.host, access.host_key, access.private_key, access.proxy_command)
    if not pulumi.runtime.is_dry_run() and not await way.is_known():
        raise pulumi.RunError("The machine is not as it shall be, so nothing is removed in this update.")
    if reached and not await settled.made(reached):
        raise pulumi.RunError("The machine was not reached, so nothing is removed in this update.")
    return found


class Watch:
    """Takes note of every resource that the program declares from now on."""

    def __init__(self) -> None:
        self.seen: list[pulumi.Resource] = []
        pulumi.runtime.register_stack_transformation(self._note)

    def _note(self, args: pulumi.ResourceTransformationArgs) -> None:
        self.seen.append(args.resource)
