"""What the machine says of the stack's apps: of one, or of all of them."""

from __future__ import annotations

import json

from cli import output, process, remote
from cli.stack import Stack


def show(stack: Stack, app: str, *, as_json: bool = False) -> int:
    """Show the state of an app, or of every app in turn; gives the exit status, 0 only if the machine told all.

    Args:
        stack: The stack.
        app: The app; empty for all of them.
        as_json: Whether to print JSON: of one app what the agent says, of several a map of that by name.
    """
    found = remote.reach(stack)
    if app or len(found.apps) == 1:
        return remote.run(stack, app, "status", *(["--json"] if as_json else []))
    if as_json:
        output.data({name: json.loads(remote.ask(stack, name, "status", "--json")) for name in found.apps})
        return 0
    codes = []
    for name in found.apps:
        print(f"{'' if name == found.apps[0] else chr(10)}{name}:", flush=True)
        codes.append(process.run(remote.login(stack, name).agent("status")))
    return max(codes)
