"""The app brought up: the toolchain, the machine's base image, then the engine; at the end where it is."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence

from cli import engine, output, process, root
from cli.failure import Failure
from cli.stack import Stack


def up(stack: Stack, more: Sequence[str], *, as_json: bool = False, back: bool = False) -> None:
    """Deploy the stack and print the app's URL.

    Args:
        stack: The stack.
        more: Further arguments for ``pulumi up``.
        as_json: Whether to print the stack's outputs as JSON at the end.
        back: Whether it goes back to an earlier release; there may be none before that one.

    Raises:
        Failure: It did not come up; the cause has been shown.
    """
    ready(stack)
    _base_image(stack)
    engine.look_after_data(stack)
    seen = engine.update("up", stack, more, quiet_stdout=as_json)
    outputs = seen.outputs or stack.outputs()
    if as_json:
        output.data(outputs)
    else:
        print("\n".join(summary(stack, outputs, {} if back else seen.before)), flush=True)


def ready(stack: Stack) -> None:
    """Bring what an engine's command needs: the toolchain, the stack, root's rights.

    Raises:
        Failure: Something is missing, with what to do.
    """
    root.need(stack)
    stack.project.setup()
    stack.ensure()
    root.need(stack)  # sudo may have forgotten by now


def _base_image(stack: Stack) -> None:
    """Build the machine's base image, where the machine is still to be made: minutes, with progress of its own."""
    if not stack.is_local or has_machine(stack):
        return
    python = stack.project.root / ".venv/bin/python"
    if code := process.run([python, "-m", "infra.machines.embedded", "base"], stdout=subprocess.DEVNULL):
        raise Failure(status=code)


def has_machine(stack: Stack) -> bool:
    """Whether the stack's state has its machine already, as far as the clone's own backend tells."""
    if not stack.project.has_own_backend or not stack.state.is_file():
        return False
    return "launchpad:EmbeddedMachine::" in stack.state.read_text(errors="replace")


def summary(stack: Stack, outputs: Mapping[str, object], before: Mapping[str, object]) -> list[str]:
    """Where the app is, which release serves, and what to do next.

    Args:
        stack: The stack.
        outputs: What it outputs.
        before: What it did before this up. With another revision there is a release to go back to.
    """
    apps = outputs.get("apps")
    if isinstance(apps, dict) and len(apps) > 1:
        return _summary_of_several(stack, apps)
    following = [("logs", "-f"), ("status",)]
    if before.get("revision") not in (None, "", outputs.get("revision")):
        following.append(("rollback",))
    return [
        f"App:     {outputs.get('url', '')}",
        f"Release: {outputs.get('release', '')} (commit {outputs.get('revision', '')})",
        f"Log in:  {stack.command('ssh')}",
        f"Next:    {', '.join(stack.command(*words) for words in following)}",
    ]


def _summary_of_several(stack: Stack, apps: Mapping[str, Mapping[str, object]]) -> list[str]:
    width = max(8, *(len(name) + 1 for name in apps))
    lines = [
        f"{name + ':':{width}} {app.get('url')} (release {app.get('release')}, commit {app.get('revision')})"
        for name, app in apps.items()
    ]
    following = [("logs", "-f", "--app", next(iter(apps))), ("status",)]
    return [
        *lines,
        f"{'Log in:':{width}} {stack.command('ssh')}",
        f"{'Next:':{width}} {', '.join(stack.command(*words) for words in following)}",
    ]
