"""Compares a stack's machine with what was deployed: what the agent there finds, and what only the stack knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cli import output, process, remote
from cli.failure import Failure
from cli.stack import Stack
from infra.protocol import codec
from infra.protocol.drift import Difference

BUSY = 2
"""The exit status where something is under way, so that nothing was compared."""


@dataclass(frozen=True)
class Answer:
    """What the machine says of an app.

    Attributes:
        app: The app.
        revision: The commit that serves; empty if none does.
        differences: What is otherwise than it was set there.
        busy: What is under way there; empty: nothing.
    """

    app: str
    revision: str
    differences: tuple[Difference, ...]
    busy: str

    @classmethod
    def of(cls, text: str) -> Answer:
        """Read what the agent printed.

        Raises:
            ValueError: It is no answer.
        """
        found = json.loads(text)
        try:
            differences = tuple(codec.parse(Difference, each) for each in found["differences"])
            return cls(str(found["app"]), str(found["revision"]), differences, str(found["busy"]))
        except (KeyError, TypeError, codec.MessageError) as error:
            raise ValueError(str(error)) from None


def show(stack: Stack, app: str, *, as_json: bool) -> int:
    """Compare, and say what differs; gives the exit status: 1 with differences, 2 if something is under way.

    Args:
        stack: The stack.
        app: The only app; empty for all of them.
        as_json: Whether data is wanted.

    Raises:
        Failure: The machine does not answer.
    """
    outputs = stack.outputs()
    apps = (remote.choose(stack, remote.reach(stack).apps, app),) if app else remote.reach(stack).apps
    answers = [_ask(stack, name) for name in apps]
    known: set[Difference] = set()
    shown = []
    for answer in answers:
        found = [*answer.differences, *of_revision(answer, revision(outputs, answer.app))]
        fresh = [each for each in found if each not in known]  # what all apps share is told of once
        known |= set(found)
        shown.append((answer, fresh))
    if as_json:
        output.data([_plain(answer, found) for answer, found in shown])
    else:
        _print(stack, shown)
    busy = any(answer.busy for answer in answers)
    return 1 if known else BUSY if busy else 0


def of_revision(answer: Answer, deployed: str) -> list[Difference]:
    """The difference between what serves and what the stack deployed, if it knows.

    Args:
        answer: What the machine says.
        deployed: The commit that the stack deployed last; empty if it has no such output.
    """
    if answer.busy or not deployed or answer.revision == deployed:
        return []
    found = f"{answer.revision[:12]} serves" if answer.revision else "none serves"
    return [Difference("revision", f"of {answer.app}", found, f"{deployed[:12]}, which this stack deployed last")]


def revision(outputs: Mapping[str, Any], app: str) -> str:
    """The commit of an app that a stack deployed last; empty if it does not say.

    Args:
        outputs: The stack's outputs.
        app: The app.
    """
    of_app = (outputs.get("apps") or {}).get(app) or {}
    return str(of_app.get("revision") or (outputs.get("revision") if outputs.get("app_user") == app else "") or "")


def _ask(stack: Stack, app: str) -> Answer:
    done = process.ask(remote.login(stack, app).agent("verify", "--json"))
    try:
        return Answer.of(done.stdout)
    except ValueError:
        check = stack.command("status")
        raise Failure(f"{app}: the machine was not compared (see above); does {check} work?") from None


def _plain(answer: Answer, found: list[Difference]) -> dict[str, object]:
    return {"app": answer.app, "busy": answer.busy, "differences": [codec.plain(each) for each in found]}


def _print(stack: Stack, shown: list[tuple[Answer, list[Difference]]]) -> None:
    for answer, found in shown:
        if answer.busy:
            output.note(f"{answer.app}: nothing was compared, for something is under way: {answer.busy}")
        for each in found:
            print(each.line(), flush=True)
    count = sum(len(found) for _, found in shown)
    if any(each.kind != "revision" for _, found in shown for each in found):
        output.note(
            f"{count} {'difference' if count == 1 else 'differences'}. To put everything back: "
            f"{stack.command('refresh')}, then {stack.command('up')}"
        )
    elif count:
        output.note(f"To deploy it again: {stack.command('rollback', 'REVISION')}")
    elif not any(answer.busy for answer, _ in shown):
        output.note("as deployed")
