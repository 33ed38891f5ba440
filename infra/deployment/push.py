"""Pushes a commit of a local repository to the machine with git over SSH.

The machine needs no access to the repository, and git sends only the objects that the machine lacks. A shallow clone is
sufficient. The private key is in a file, because every user of the workstation can see command line arguments.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections import deque
from dataclasses import dataclass, field
from getpass import getuser
from pathlib import Path
from socket import gethostname

from infra import ssh
from infra.deployment import connection, git, push_contents, ticking
from infra.deployment.connection import Jump
from infra.deployment.push_contents import Contents, ContentsError
from infra.machines.providers import PlainError
from infra.protocol import paths

LINES_IN_ERROR = 20
"""Number of lines of git's output that an error message repeats."""


class PushError(PlainError):
    """The push failed."""


@dataclass(frozen=True)
class Delivery:
    """A commit of a local repository, and the machine that receives it for an app.

    Attributes:
        repository: The repository's path.
        app: The app.
        revision: The commit, all 40 digits.
        user: The SSH user of the machine.
        host: Its address.
        port: Its SSH port.
        host_key: Its host key.
        private_key: The key of the SSH user; empty: the keys of the user's SSH agent.
        directory: The app's root in the repository: what the commit refers to below it goes along.
        allow_missing: What is left out of that: ``lfs``, ``submodules``.
        jump: The SSH server that leads to the machine; None: a direct connection.
        proxy_command: The command that leads to it, where neither does.
    """

    repository: str
    app: str
    revision: str
    user: str
    host: str
    port: int
    host_key: str
    private_key: str = field(repr=False)
    directory: str = ""
    allow_missing: tuple[str, ...] = ()
    jump: Jump | None = None
    proxy_command: str = ""


def who() -> str:
    """The user of the workstation, for the machine's history: user@host, without characters special to a shell."""
    try:
        name = getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    return "".join(char for char in f"{name}@{gethostname()}" if char.isalnum() or char in "@._-")


def arguments(repository: str, app: str, sha: str, user: str, host: str) -> list[str]:
    """The git command: it pushes the commit to a ref of its own, and the agent receives it."""
    receive = f"{ssh.sudo(user)}{paths.AGENT} receive-pack --app {app} --revision {sha} --who {who()}"
    return [
        *(
            "git",
            "-C",
            repository,
            "push",
            "--quiet",
            "--no-verify",
            "--no-signed",
            "--no-follow-tags",
        ),
        *("--recurse-submodules=no", f"--receive-pack={receive}", address(app, user, host)),
        f"+{sha}:{paths.pushed(sha)}",
    ]


def tag(repository: Path, sha: str) -> list[str]:
    """The refspec of the version's tag that is nearest to a commit, from which setuptools-scm makes the app's version.

    Empty if there is none, and in a clone without history.
    """
    found = git.run(repository, "describe", "--tags", "--abbrev=0", "--match", "*[0-9]*", sha)
    return [f"+refs/tags/{found.out.strip()}:refs/tags/{found.out.strip()}"] if found.ok else []


def address(app: str, user: str, host: str) -> str:
    """The URL of the app's repository on the machine."""
    return f"ssh://{user}@{host}{paths.repository(app)}"


def settings(url: str) -> list[tuple[str, str]]:
    """Git settings for the push, which override all user settings that could redirect or change it."""
    return [
        *((f"url.{url}.{rule}", url) for rule in ("insteadOf", "pushInsteadOf")),  # the longest rule for a URL wins
        ("push.gpgSign", "false"),
        ("push.negotiate", "false"),
        ("push.pushOption", ""),
        ("protocol.ssh.allow", "always"),
    ]


def deliver(delivery: Delivery, timeout: float | None = None) -> None:
    """Push the commit; git's output goes to standard error as it arrives.

    Args:
        delivery: The commit and the machine.
        timeout: Seconds after which git is killed.

    Raises:
        PushError: The push failed or the timeout expired; with git's last lines.
    """
    with tempfile.TemporaryDirectory() as folder, ticking.ticking(f"pushing {delivery.revision[:12]}"):
        try:
            prepared = push_contents.prepared(
                Path(delivery.repository), delivery.revision, delivery.directory, delivery.allow_missing, timeout
            )
            with prepared as contents:
                code, lines = _push(delivery, contents, Path(folder), timeout)
        except ContentsError as error:
            raise PushError(str(error)) from None
    if code:
        summary = f"could not push {delivery.revision[:12]} of {delivery.repository} to {delivery.host}"
        raise PushError("\n".join([*lines, summary]))


def _push(delivery: Delivery, contents: Contents, folder: Path, timeout: float | None) -> tuple[int, list[str]]:
    """Run git; returns its exit status and its last lines."""
    given = settings(address(delivery.app, delivery.user, delivery.host))
    words = arguments(delivery.repository, delivery.app, delivery.revision, delivery.user, delivery.host)
    process = subprocess.Popen(
        [*words, *contents.refspecs, *tag(Path(delivery.repository), delivery.revision)],
        env={**git.environment(os.environ, given), **contents.variables, **connection.environment(folder, delivery)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    timer = threading.Timer(timeout, process.kill) if timeout else None
    if timer:
        timer.start()
    lines = _pass_on(process)
    if timer:
        timer.cancel()
    return process.wait(), lines


def _pass_on(process: subprocess.Popen[str]) -> list[str]:
    """Copy the output of a process to standard error until it ends; returns the last ``LINES_IN_ERROR`` lines."""
    last: deque[str] = deque(maxlen=LINES_IN_ERROR)
    assert process.stdout is not None
    for line in process.stdout:
        last.append(line.rstrip())
        print(last[-1], file=sys.stderr, flush=True)
    process.wait()
    return list(last)
