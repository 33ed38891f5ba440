"""Backups from the workstation: the machine takes and restores them, and a person confirms what is overwritten."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from cli import config, confirm, output, process, remote
from cli.failure import Failure
from cli.stack import Stack

if TYPE_CHECKING:
    from infra.protocol.backups import BackupSpec


INTERRUPTED = (
    "interrupted: a restore that has begun goes on on the machine. The data is then the former or the backup's, as a "
    "whole: {}"
)


def restore(stack: Stack, app: str, snapshot: str, into: Stack | None, *, yes: bool, as_json: bool = False) -> int:
    """Have a machine restore a backup; gives its exit status.

    Args:
        stack: The stack whose backup it is.
        app: The app; empty for the only one.
        snapshot: Its id; empty for the newest.
        into: The stack whose data it replaces; None for the same.
        yes: Whether nobody is asked.
        as_json: Whether to print the result as JSON; what a person reads of it is among the progress.

    Raises:
        Failure: Nobody has said yes.
    """
    target = into or stack
    of = remote.choose(stack, stack.named_apps or [stack.app], app) if into else ""
    reached = remote.reach(target).apps
    login = remote.login(target, app if app in reached or not into else "")
    spec = specification(stack) if into else None
    asked = question(login.app, target.name, snapshot, of, stack.name if into else "")
    confirm.overwriting(asked, sure=yes, done="restored")
    words = ["restore", "--who", remote.who(), *(["--snapshot", snapshot] if snapshot else [])]
    with process.interrupts() as pressed:
        code = process.status(_restored(login, words, of, spec, None if as_json else subprocess.DEVNULL))
    if pressed.count and code:
        output.note(f"launchpad: {INTERRUPTED.format(target.command('status'))}")
    return code


def _restored(login: remote.Login, words: list[str], of: str, spec: BackupSpec | None, stdout: int | None) -> int:
    """Have the machine restore; the keys to another stack's repository go there by standard input."""
    if spec is None:
        argv = login.agent("backup", *words)
        return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=stdout, check=False).returncode
    from infra.protocol import codec  # noqa: PLC0415 - late, as in specification

    argv = login.agent("backup", *words, "--of", of, "--spec")
    return subprocess.run(argv, input=codec.text(spec).encode(), stdout=stdout, check=False).returncode


def question(app: str, stack: str, snapshot: str, of: str, source: str) -> str:
    """What a person confirms.

    Args:
        app: The app whose data is replaced.
        stack: Its stack.
        snapshot: The snapshot; empty for the newest.
        of: The app whose snapshot it is.
        source: The stack whose snapshot it is; empty for the same.
    """
    what = f"snapshot {snapshot}" if snapshot else "the newest backup"
    where = f" of {of} in stack {source}" if source else ""
    return (
        f"The data of {app} in stack {stack} becomes that of {what}{where}. What it has written since is lost, and it "
        "is stopped meanwhile. Go on?"
    )


def specification(stack: Stack) -> BackupSpec:
    """Where the backups of a stack are, with the keys to them, by its config.

    Raises:
        Failure: It has none, or its config has mistakes.
    """
    from infra import from_settings  # noqa: PLC0415 - late: it takes Pulumi's quarter of a second
    from infra.config.parse import SettingsError, parse  # noqa: PLC0415
    from infra.machines.registry import KINDS  # noqa: PLC0415

    held = config.of_stack(stack)
    try:
        settings = parse(held.values, KINDS, held.secret)
    except SettingsError as mistakes:
        raise Failure(f"stack {stack.name}: {mistakes}") from None
    spec = from_settings.backups(settings, f"{stack.project.name}/{stack.name}")
    if spec is None:
        raise Failure(f"stack {stack.name} has no backups: launchpad:backup.repository is empty")
    return spec
