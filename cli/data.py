"""What becomes of a stack's data when it is destroyed: asked of its machine, and told before anybody says yes."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from cli import process
from cli.failure import Failure
from cli.stack import Stack
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
    held = _held(stack, terms, str(guard.get("user")))
    if held is None:
        return [data_changes.of_unknown(word)]
    return [data_changes.of_held(each, terms, word) for each in held if not each.is_empty]


def _guard(stack: Stack) -> dict[str, Any] | None:
    """The inputs of the guard in the stack's state; None where there is none."""
    done = process.ask(stack.pulumi("stack", "export"), quiet=True)
    try:
        resources = json.loads(done.stdout)["deployment"]["resources"]
        return next((each["inputs"] for each in resources if each["type"].endswith(GUARD)), None)
    except (ValueError, KeyError, TypeError):
        return None


def _held(stack: Stack, terms: DataTerms, user: str) -> list[HeldData] | None:
    """How much the machine has; None where it gives no answer."""
    from cli import remote  # noqa: PLC0415 - late: only with somebody to ask

    lines = commands.data(sorted(terms.apps), sudo(user), every=not terms.stays, disk=terms.disk)
    try:
        program, *options = remote.reach(stack).ssh
        words = [program, "-o", "BatchMode=yes", *options, lines[0]]
        done = subprocess.run(words, capture_output=True, text=True, timeout=ANSWERS_WITHIN, check=False)
        return [codec.parse(HeldData, each) for each in json.loads(done.stdout)["apps"]]
    except (Failure, OSError, ValueError, KeyError, TypeError, codec.MessageError, subprocess.TimeoutExpired):
        return None
