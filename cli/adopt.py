"""Taking over what a stack had before its state was lost."""

from __future__ import annotations

from collections.abc import Sequence

from cli import process, root, up
from cli.failure import Failure
from cli.stack import Stack

ELSEWHERE = (
    "launchpad adopt is for the embedded machine. Of a server, launchpad up takes over what is there. What is at a "
    "cloud is imported into the state one resource after the other: pulumi import"
)


def adopt(stack: Stack, more: Sequence[str]) -> None:
    """Give the stack's machine, which its state does not know any more, this stack's keys, and deploy the app.

    Args:
        stack: The stack.
        more: Further arguments for ``pulumi up``.

    Raises:
        Failure: There is no such machine, or the app did not come up.
    """
    if not stack.is_local:
        raise Failure(ELSEWHERE)
    up.ready(stack)
    root.need(stack)
    python = stack.project.root / ".venv/bin/python"
    words = ["adopt", "--project", stack.project.name, "--stack", stack.name]
    done = process.ask([python, "-m", "infra.machines.embedded", *words])
    if done.returncode:
        raise Failure(status=done.returncode)
    if not done.stdout.strip():
        raise Failure(f"this clone has no machine of stack {stack.name} to adopt. Run: {stack.command('up')}")
    up.up(stack, more)
