"""Backups from the workstation: the machine takes and restores them, and a person confirms what is overwritten."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import typer

from cli import config, process, remote
from cli.failure import Failure
from cli.stack import Stack

if TYPE_CHECKING:
    from infra.protocol.backups import BackupSpec


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
    confirm(question(login.app, target.name, snapshot, of, stack.name if into else ""), yes=yes)
    words = ["restore", "--who", remote.who(), *(["--snapshot", snapshot] if snapshot else [])]
    stdout = None if as_json else subprocess.DEVNULL
    with process.interrupts():
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


def confirm(text: str, *, yes: bool) -> None:
    """Ask before something is overwritten.

    Raises:
        Failure: The answer is no, or nobody is there to give one.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise Failure("nobody is here to confirm that data is overwritten; --yes does")
    if not typer.confirm(text, default=False, err=True):
        raise Failure("nothing was restored")


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
