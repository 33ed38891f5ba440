"""What was changed on the machine by hand, as a resource: ``pulumi refresh`` finds it, the next ``up`` puts it back.

Only a refresh and an update that has something to put back connect to the machine: an ``up`` that changes nothing here
costs nothing.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from infra import ssh
from infra.common.printable import one_line
from infra.deployment import commands, connection
from infra.deployment.connection import Connection, Done
from infra.machines.contract import SshAccess
from infra.machines.providers import PlainError, PlainProvider
from infra.protocol import codec
from infra.protocol.drift import Difference

FOUND = "differences"
"""The output with a line for each difference; it is no input, so that it is never wanted."""
WAY = ("app", "user", "host", "port", "host_key", "private_key", "jump")
COMPARES_WITHIN, REPAIRS_WITHIN = 60.0, 1800.0
"""Seconds that the machine may take."""
SHOWN_LINES = 12
CHANGED = "Changed on the machine by hand, which an up puts back:"


class MachineStateProvider(PlainProvider):
    """Compares when it is read, and has the machine repair itself when it is updated."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Know of no difference: everything has just been deployed."""
        return CreateResult(props["app"], {**props, FOUND: []})

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """What the last refresh found is a change, which is told of; another way to the machine is only noted down."""
        replaces = ["triggers"] if _olds.get("triggers") != _news.get("triggers") else []
        found = [] if replaces else _olds.get(FOUND) or []
        if found:
            lines = "\n".join(f"  {line}" for line in found)
            print(f"{CHANGED}\n{lines}", flush=True)
        changed = any(_olds.get(name) != _news.get(name) for name in WAY)
        return DiffResult(changes=bool(found) or changed or bool(replaces), replaces=replaces)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Put back what was found, if anything was."""
        if _olds.get(FOUND):
            _repair(_news)
        return UpdateResult({**_news, FOUND: []})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Compare the machine; where that is not possible, say so and leave the state as it is."""
        try:
            return ReadResult(id_, {**props, FOUND: compared(_verify(props))})
        except NotComparedError as error:
            print(f"{props['app']}: the machine was not compared: {error}", flush=True)
            return ReadResult(id_, props)


class NotComparedError(Exception):
    """Nothing is known of the machine, with the reason."""


def compared(done: Done) -> list[str]:
    """The differences that the agent found, a line each.

    Args:
        done: How its ``verify`` ended.

    Raises:
        NotComparedError: It compared nothing.
    """
    if done.code == connection.NO_CONNECTION:
        raise NotComparedError(f"it does not answer over SSH ({_last(done)})")
    try:
        answer = json.loads(done.out)
        if answer["busy"]:
            raise NotComparedError(f"something is under way there: {one_line(answer['busy'])}")
        return [one_line(codec.parse(Difference, each).line()) for each in answer[FOUND]]
    except (ValueError, KeyError, TypeError, codec.MessageError):
        raise NotComparedError(f"its agent gives no answer ({_last(done)})") from None


def _verify(props: dict[str, Any]) -> Done:
    """Ask the installed agent, and where that gives no answer the copy that it was installed from."""
    to, sudo = Connection.of(props), ssh.sudo(props["user"])
    done = Done(connection.NO_CONNECTION, "", "")
    for line in commands.verify(props["app"], sudo):
        done = connection.call(to, line, timeout=COMPARES_WITHIN)
        if done.out.strip() or done.code == connection.NO_CONNECTION:
            break
    return done


def _repair(props: dict[str, Any]) -> None:
    """Have the agent put everything back.

    Raises:
        PlainError: Something is left, or the machine does not answer.
    """
    line = commands.repair(props["app"], ssh.sudo(props["user"]))
    done = connection.call(Connection.of(props), line, timeout=REPAIRS_WITHIN)
    lines = done.err.strip().splitlines()
    if done.code:
        raise PlainError("\n".join([*lines[-SHOWN_LINES:], "What was changed on the machine by hand is not put back."]))
    for each in lines:
        print(each, file=sys.stderr, flush=True)


def _last(done: Done) -> str:
    return one_line((done.err.strip().splitlines() or [f"exit status {done.code}"])[-1])


class MachineState(Resource, module="launchpad", name="MachineState"):
    """The state of the machine as far as it is of an app, or of all apps together.

    Args:
        name: The resource's name.
        app: The app.
        access: The way to the machine.
        triggers: A change of them means another machine, of which nothing is known.
        opts: Options of the resource.
    """

    def __init__(
        self, name: str, *, app: str, access: SshAccess, triggers: list[Any], opts: pulumi.ResourceOptions
    ) -> None:
        properties: dict[str, Any] = {"app": app, "triggers": triggers, **connection.properties(access)}
        super().__init__(MachineStateProvider(), name, properties, opts)
