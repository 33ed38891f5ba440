"""Pulumi's engine at work for us: its own CLI in a process of its own, whose events we show.

The Automation API would add 0.4 s of imports and a server for its events to every start, and hands on the same events
that ``--json`` prints. Ctrl-C reaches pulumi from the terminal, and it ends itself in good order.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence

from cli import events, output, process, steps
from cli.failure import Failure
from cli.preview import DataPreview, Preview
from cli.screen import Screen, screen
from cli.stack import Stack
from cli.view import View


def passed_on(stack: Stack, verb: str, *words: str) -> int:
    """Run a pulumi command with its own output; returns its exit status."""
    return process.run(["pulumi", *verb.split(), "--stack", stack.name, *words])


def update(verb: str, stack: Stack, more: Sequence[str], *, quiet_stdout: bool = False) -> View:
    """Run ``pulumi up`` or ``destroy`` without questions and show it; gives the view, which has the outputs.

    Args:
        verb: ``up`` or ``destroy``.
        stack: The stack.
        more: Further arguments for pulumi.
        quiet_stdout: Whether to show it on standard error, as standard output is for data.

    Raises:
        Failure: It failed; the cause has been shown.
    """
    view = View(stack.app or steps.SEVERAL)
    words = stack.pulumi(verb, "--yes", "--skip-preview", "--json")
    if len(stack.named_apps) > 1 and goes_on(stack.named_apps, _up(stack)):
        words.append("--continue-on-error")
    with process.interrupts() as pressed:
        code = _show([*words, *more], view, pressed, to_stderr=quiet_stdout)
    if code == 0:
        return view
    if pressed.count and verb == "up":
        output.note(
            f"A deployment that has started on the machine continues there: {stack.command('status')}. "
            f"To stop it: {stack.command('cancel')}"
        )
    raise Failure


def _up(stack: Stack) -> Sequence[str]:
    """The apps that are up, of which another backend than the clone's own has to be asked."""
    if stack.project.has_own_backend:
        return stack.apps()
    try:
        return sorted(stack.outputs().get("apps") or {})
    except Failure:
        return []


def goes_on(named: Sequence[str], up: Sequence[str]) -> bool:
    """Whether Pulumi goes on with other apps when one fails.

    Not where one app comes and another goes, as when an app gets another name: Pulumi would take the former off the
    machine although the new one does not serve.

    Args:
        named: The apps that the stack's config names; none if it describes one.
        up: The apps that are up.
    """
    return len(named) > 1 and not (up and set(up) - set(named) and set(named) - set(up))


def look_after_data(stack: Stack) -> None:
    """Run a preview first, where an update could delete data before its guard, which comes last, is asked.

    Raises:
        Failure: The preview refuses it, or fails; the cause has been shown.
    """
    if not may_lose_data(stack.machine, stack.setting("on_destroy")):
        return
    with process.interrupts() as pressed:
        code = _show(stack.pulumi("preview", "--json"), DataPreview(stack.app or steps.SEVERAL), pressed)
    if code:
        raise Failure


def may_lose_data(machine: str, on_destroy: str) -> bool:
    """Whether an update may replace a machine, or take away its disk, with data that nobody said may be deleted.

    Args:
        machine: The kind of machine. Nothing of a server is deleted before the end of an update.
        on_destroy: What the stack says. On an embedded machine the data may be deleted unless that says otherwise.
    """
    from infra.machines.registry import is_given, is_local  # noqa: PLC0415 - late: only an update asks

    return not is_given(machine) and on_destroy != "delete" and not (is_local(machine) and not on_destroy)


def preview(stack: Stack) -> None:
    """Run ``pulumi preview`` and show what an up would change.

    Raises:
        Failure: It failed; the cause has been shown.
    """
    view = Preview(stack.app or steps.SEVERAL)
    with process.interrupts() as pressed:
        code = _show(stack.pulumi("preview", "--json"), view, pressed)
    if code:
        raise Failure
    print("\n".join(view.summary()), flush=True)


def _show(words: Sequence[str], view: View, pressed: process.Interrupts, *, to_stderr: bool = False) -> int:
    """Run a pulumi command that prints events, and show them; gives its exit status."""
    environment = {**os.environ, "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true"}  # else a preview has a form of its own
    with (
        subprocess.Popen(
            words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as child,
        process.ended_by_interrupt(child, pressed),
        screen(view, to_stderr=to_stderr) as shown,
    ):
        _follow(child, view, shown)
        code = process.status(child.wait())
    shown.end(view.result())
    return code


def _follow(child: subprocess.Popen[str], view: View, shown: Screen) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        if event := events.parse(line):
            shown.show(view.feed(event, time.monotonic()))
