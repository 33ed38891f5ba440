"""Connects from the workstation to the machine with ssh, as git and the dynamic resources do: each time anew.

No configuration of the user's counts, so no connection is shared with another one. Keys are in files, because every
user of the workstation can see command line arguments.
"""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pulumi

from infra import ssh
from infra.common import git_ssh
from infra.machines.contract import JumpHost, SshAccess

NO_CONNECTION = 255
"""The exit status of ssh where it does not get through. Source: ssh(1), EXIT STATUS."""


@dataclass(frozen=True)
class Jump:
    """An SSH server that leads to a machine; the fields are as in ``Connection``."""

    user: str
    host: str
    port: int
    host_key: str
    private_key: str = field(repr=False)


class Reachable(Protocol):
    """What is needed to log in to a machine."""

    @property
    def host(self) -> str:
        """Its address."""

    @property
    def port(self) -> int:
        """Its SSH port."""

    @property
    def host_key(self) -> str:
        """Its host key."""

    @property
    def private_key(self) -> str:
        """The key of the SSH user; empty: the keys of the user's SSH agent."""

    @property
    def jump(self) -> Jump | None:
        """The SSH server that leads to the machine; None: a direct connection."""

    @property
    def proxy_command(self) -> str:
        """The command that leads to the machine, where neither a direct connection nor a jump host does."""


@dataclass(frozen=True)
class Connection:
    """The way to a machine, as resolved values."""

    user: str
    host: str
    port: int
    host_key: str
    private_key: str = field(repr=False)
    jump: Jump | None = None
    proxy_command: str = ""
    """The command that leads to the machine, where neither a direct connection nor a jump host does."""

    @classmethod
    def of(cls, props: dict[str, Any]) -> Connection:
        """Read the properties of a resource that ``properties`` made."""
        given = {name: props[name] for name in ("user", "host", "host_key", "private_key")}
        through = props.get("jump")
        jump = Jump(**{**through, "port": int(through["port"])}) if through else None
        return cls(**given, port=int(props["port"]), jump=jump, proxy_command=props.get("proxy_command") or "")


@dataclass(frozen=True)
class Done:
    """How a command on the machine ended, and what it printed."""

    code: int
    out: str
    err: str


def properties(access: SshAccess, *, tunnel: bool = True) -> dict[str, Any]:
    """The inputs of a dynamic resource that connects to the machine.

    Args:
        access: The way to the machine.
        tunnel: Whether the program is running when it connects, which has the tunnel open that there may be.
    """
    found: dict[str, Any] = {
        "user": access.user,
        "host": access.dialled.host if tunnel else access.host,
        "port": access.dialled.port if tunnel else access.port,
        "host_key": access.host_key,
        "private_key": pulumi.Output.secret(access.private_key or ""),
    }
    if not tunnel and access.proxy_command:
        found["proxy_command"] = access.proxy_command
    return {**found, "jump": _jump(access.jump)} if access.jump else found


def environment(folder: Path, to: Reachable) -> dict[str, str]:
    """Git's variables for the SSH connection to the machine; the key files are written to ``folder``."""
    known_host = ssh.known_hosts_line(to.host, to.port, to.host_key)
    proxy = _through(folder, to.jump) if to.jump else to.proxy_command
    return git_ssh.environment(folder, known_host, to.private_key, to.port, proxy)


def call(to: Connection, line: str, feed: str = "", timeout: float | None = None) -> Done:
    """Run a command on the machine, over a connection of its own.

    Args:
        to: The machine.
        line: The command line, without secrets.
        feed: What it reads from standard input.
        timeout: Seconds that it may take; then it counts as ``NO_CONNECTION``.
    """
    with tempfile.TemporaryDirectory() as folder:
        words = shlex.split(environment(Path(folder), to)["GIT_SSH_COMMAND"])
        try:
            done = subprocess.run(
                [*words, f"{to.user}@{to.host}", line],
                input=feed,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Done(NO_CONNECTION, "", f"no answer within {timeout:g} s")
    return Done(done.returncode, done.stdout, done.stderr)


def _through(folder: Path, jump: Jump) -> str:
    """Write the files for a jump host; gives the ProxyCommand that uses them."""
    git_ssh.write(folder / f"{ssh.JUMP}{ssh.KNOWN_HOSTS}", ssh.known_hosts_line(jump.host, jump.port, jump.host_key))
    if jump.private_key:
        git_ssh.write(folder / f"{ssh.JUMP}{ssh.KEY}", jump.private_key)
    return ssh.jump_command(folder, ssh.Endpoint(jump.host, jump.user, jump.port, bool(jump.private_key)))


def _jump(host: JumpHost) -> dict[str, Any]:
    return {
        "user": host.user,
        "host": host.host,
        "port": host.port,
        "host_key": host.host_key,
        "private_key": pulumi.Output.secret(host.private_key or ""),
    }
