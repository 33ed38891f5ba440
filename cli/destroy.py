"""Destroying a stack completely; in the clone's own backend, its history and keys are removed too."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence

import typer

from cli import engine, files, output, process, root
from cli.failure import Failure
from cli.project import Project
from cli.stack import Stack

SALT = re.compile(r"^encryptionsalt: *[^ #]", re.MULTILINE)


def confirmed(stack: Stack) -> bool:
    """Have somebody at a terminal say yes; nobody else is asked, and whoever has no terminal is taken at their word."""
    if not sys.stdin.isatty() or (stack.project.has_own_backend and not stack.state.is_file()):
        return True
    from cli import data  # noqa: PLC0415 - late: only with somebody to ask
    from infra.machines.registry import is_given  # noqa: PLC0415 - as above

    what = "what it has on its server" if is_given(stack.machine) else "its machine"
    output.note(f"This destroys stack {stack.name}, with {what}.")
    for line in data.of_destroy(stack):
        output.note(line)
    return typer.confirm(f"Destroy stack {stack.name}?", default=False, err=True)


def destroy(stack: Stack, more: Sequence[str], *, again: str = "") -> None:
    """Destroy a stack. Called again, it finishes a destroy that was interrupted.

    Args:
        stack: The stack.
        more: Further arguments for ``pulumi destroy``.
        again: The command that brings it up again, for the message at the end; by default ``up``.

    Raises:
        Failure: Something of it could not be removed; then nothing is forgotten.
    """
    own = stack.project.has_own_backend
    if own and not stack.state.is_file():
        _sweep(stack)
        _forget(stack)
        output.note(f"stack {stack.name} does not exist: nothing to destroy")
        return
    root.need(stack)
    engine.update("destroy", stack, more)
    if not own:
        return
    _remove(stack)
    _sweep(stack)  # what a failed creation has left, and what was made before this state was
    _forget(stack)
    output.note(f"To bring it up again: {again or stack.command('up')}")
    if not again:
        output.note(
            f"Until then `pulumi config` knows no stack {stack.name}. To change its settings: "
            f"{stack.command('init', '--set', 'KEY=VALUE')}"
        )


def _remove(stack: Stack) -> None:
    """Remove the empty stack. Pulumi then has no stack selected, whichever it was, so another one is selected again."""
    selected = stack.project.selected_stack()
    done = process.ask(["pulumi", "stack", "rm", "--yes", "--preserve-config", "--stack", stack.name])
    if done.returncode:
        raise Failure(status=done.returncode)
    if selected not in ("", stack.name):
        stack.project.select_stack(selected)


def _sweep(stack: Stack) -> None:
    """Remove this clone's machines of the stack that are in no state."""
    python = stack.project.root / ".venv/bin/python"
    if not python.exists() or not stack.is_local:
        return
    names = ["--project", stack.project.name, "--stack", stack.name]
    if code := process.run([python, "-m", "infra.machines.embedded", "sweep", *names]):
        raise Failure(status=code)


def _forget(stack: Stack) -> None:
    kept = stack.project.state / ".pulumi"
    for folder in ("backups", "history"):
        files.remove(kept / folder / stack.project.name / stack.name)
    for file in stack.state.parent.glob(f"{stack.name}.*"):
        file.unlink()
    # The access files, where a destroy was forced to leave them. Other folders beside them are no stack's.
    if any(stack.access.glob("**/known_hosts")):
        files.remove(stack.access)
    _forget_passphrase(stack.project)


def _forget_passphrase(project: Project) -> None:
    """Drop the passphrase when nothing is encrypted with it any more, and blank the salts that it made."""
    if any((project.state / ".pulumi/stacks").glob("**/*.json")):
        return
    texts = {file: file.read_text() for file in sorted(project.root.glob("Pulumi.*.yaml"))}
    if any("secure:" in text for text in texts.values()):
        return
    for file, text in texts.items():
        if SALT.search(text):
            file.write_text(_with_blank_salt(project, text))
    files.remove(project.state)
    files.remove(project.passphrase)


def _with_blank_salt(project: Project, text: str) -> str:
    """A settings file as git sees it, so that it is as it was committed."""
    blanked = subprocess.run(
        [project.root / "toolchain/salt-filter"], input=text, stdout=subprocess.PIPE, text=True, check=True
    )
    return blanked.stdout
