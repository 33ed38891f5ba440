"""The stack's machine over SSH: logging in, and running the agent's verbs."""

from __future__ import annotations

import os
import platform
import pwd
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from cli import process
from cli.failure import Failure
from cli.stack import Stack
from infra import ssh

TTY = ("-t", "-o", "LogLevel=ERROR")
"""Options of ssh for a terminal there, without a word when the connection ends."""


@dataclass(frozen=True)
class Login:
    """How to reach a machine: the words of an ssh command, and the app on it."""

    ssh: tuple[str, ...]
    app: str

    def agent(self, verb: str, *words: str, tty: bool = False) -> list[str]:
        """The command that has the agent there do something. Words arrive as they are, whatever is in them."""
        user, _, _ = self.ssh[-1].partition("@")
        line = shlex.join(["launchpad-agent", verb, "--app", self.app, *words])
        return [*self.ssh, *(TTY if tty else ()), f"{ssh.sudo(user)}{line}"]

    def shell(self, words: Sequence[str]) -> list[str]:
        """The command that logs in, or has the machine's shell run ``words``, put together as ssh does it."""
        return [*self.ssh, *words]


@dataclass(frozen=True)
class Reach:
    """How to reach a stack's machine: the words of an ssh command, and the apps that may be on it."""

    ssh: tuple[str, ...]
    apps: tuple[str, ...]


@cache
def reach(stack: Stack) -> Reach:
    """How to log in to the stack's machine; asked of Pulumi once.

    Where the first ``up`` failed there are no outputs yet, but the machine and the files that reach it may be there,
    and this is when a person wants its log.

    Raises:
        Failure: There is no machine.
    """
    try:
        outputs = stack.outputs()
        # A Launchpad that knew of no several apps put out the user of the one.
        apps = outputs.get("apps") or [str(outputs["app_user"])]
        return Reach(tuple(shlex.split(str(outputs["ssh"]))), tuple(sorted({*apps, *stack.named_apps})))
    except (Failure, KeyError):
        if (begun := _begun(stack)) is None:
            raise Failure(f"stack {stack.name} is not up. Run: {stack.command('up')}") from None
        return Reach(begun, tuple(stack.named_apps or [stack.app]))


def login(stack: Stack, app: str = "") -> Login:
    """How to log in to the stack's machine, for an app.

    Args:
        stack: The stack.
        app: The app; empty for the only one.

    Raises:
        Failure: There is no machine, no such app, or none is named of several.
    """
    found = reach(stack)
    return Login(found.ssh, choose(stack, found.apps, app))


def choose(stack: Stack, apps: Sequence[str], app: str) -> str:
    """The app that is meant.

    Args:
        stack: The stack.
        apps: Its apps.
        app: The name that was typed; empty if none was.

    Raises:
        Failure: There is no such app, or none is named of several.
    """
    if app and app not in apps:
        raise Failure(f"stack {stack.name} has no app {app}; it has {', '.join(apps)}")
    if not app and len(apps) > 1:
        raise Failure(
            f"stack {stack.name} has several apps. Name one of them: {', '.join(f'--app {name}' for name in apps)}"
        )
    return app or apps[0]


def _begun(stack: Stack) -> tuple[str, ...] | None:
    """How to log in by the files that are there; None if there are none."""
    known_hosts = next(iter(sorted(stack.access.glob(f"**/{ssh.KNOWN_HOSTS}"))), None)
    if known_hosts is None:
        return None
    way = known_hosts.with_name(ssh.LOGIN)
    if not way.is_file():  # of a Launchpad that wrote none, all of whose machines had the same user
        host, _, _ = known_hosts.read_text().partition(" ")
        address, _, port = host.removeprefix("[").partition("]:")
        login = ssh.Login(ssh.Endpoint(address, "deploy", int(port or ssh.PORT)))
    else:
        login = ssh.Login.of(way.read_text())
    return tuple(shlex.split(ssh.command_line(known_hosts.parent, login)))


def who() -> str:
    """Who asks, for the machine's history."""
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        name = str(os.geteuid())
    return f"{name}@{platform.node()}"


def ask(stack: Stack, app: str, verb: str, *words: str) -> str:
    """What the agent there prints about an app.

    Raises:
        Failure: It failed, and has said why.
    """
    done = process.ask(login(stack, app).agent(verb, *words))
    if done.returncode:
        raise Failure(status=done.returncode)
    return done.stdout


def run(stack: Stack, app: str, verb: str, *words: str, tty: bool = False, quiet: bool = False) -> int:
    """Have the agent there do something in our terminal; gives its exit status.

    Args:
        stack: The machine's stack.
        app: The app; empty for the only one.
        verb: The agent's command.
        words: Its arguments.
        tty: Whether it gets a terminal of its own there.
        quiet: Whether to drop what it prints on standard output.
    """
    return process.run(login(stack, app).agent(verb, *words, tty=tty), stdout=subprocess.DEVNULL if quiet else None)
