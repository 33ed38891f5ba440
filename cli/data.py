"""What becomes of a stack's data when it is destroyed: asked of its machine, and told before anybody says yes."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from cli import process
from cli.failure import Failure
from cli.stack import Stack
from infra.common.printable import one_line
from infra.deployment import commands, data_changes, data_refusal
from infra.deployment.data_changes import DataTerms
from infra.protocol import codec
from infra.protocol.held_data import HeldData
from infra.ssh import sudo

GUARD = "launchpad:DataGuard"
ANSWERS_WITHIN = 60
"""Seconds that the machine may take to count."""


def of_destroy(stack: Stack) -> list[str]:
    """A line for the data of each app, with what becomes of it; none where nothing is known of any.

    Args:
        stack: The stack.
    """
    guard = _guard(stack)
    if guard is None or (terms := DataTerms.of(guard)) is None:
        return []
    word = data_refusal.destroyed_now(stack.name, terms, data_refusal.said_in_file(stack.name, stack.project.root))
    try:
        held = _held(stack, terms, str(guard.get("user")))
    except Failure as why:
        return [data_changes.of_unknown(word, one_line(str(why)))]
    server = [data_changes.of_server(word)] if terms.server else []
    return [*(data_changes.of_held(each, terms, word) for each in held if not each.is_empty), *server]


def _guard(stack: Stack) -> dict[str, Any] | None:
    """The inputs of the guard in the stack's state; None where there is none."""
    done = process.ask(stack.pulumi("stack", "export"), quiet=True)
    try:
        resources = json.loads(done.stdout)["deployment"]["resources"]
        return next((each["inputs"] for each in resources if each["type"].endswith(GUARD)), None)
    except (ValueError, KeyError, TypeError):
        return None


def _held(stack: Stack, terms: DataTerms, user: str) -> list[HeldData]:
    """How much the machine has.

    Raises:
        Failure: It gives no answer.
    """
    from cli import remote  # noqa: PLC0415 - late: only with somebody to ask

    line = commands.data(sorted(terms.apps), sudo(user), every=not terms.stays, disk=terms.disk)[0]
    program, *options = remote.reach(stack).ssh
    try:
        done = subprocess.run(
            [program, "-o", "BatchMode=yes", *options, line],
            stdin=subprocess.DEVNULL,  # what somebody types is the answer to the question
            capture_output=True,
            text=True,
            timeout=ANSWERS_WITHIN,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Failure(f"no answer within {ANSWERS_WITHIN} s") from None
    try:
        return [codec.parse(HeldData, each) for each in json.loads(done.stdout)["apps"]]
    except (ValueError, KeyError, TypeError, codec.MessageError):
        raise Failure((done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]) from None
