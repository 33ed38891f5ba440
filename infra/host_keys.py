"""Asking an SSH server for its host key, without logging in: ssh stops before that, and nothing is sent."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from infra import ssh
from infra.common import git_ssh

TIMEOUT = 15
"""Seconds that a server may take to answer."""
NO_LOGIN = ("PubkeyAuthentication", "PasswordAuthentication", "KbdInteractiveAuthentication", "HashKnownHosts")
"""What is turned off."""

WRONG_KIND = "no matching host key type"
REFUSED = "Host key verification failed"
CLOSED = re.compile(r"Connection closed by UNKNOWN|kex_exchange_identification: Connection closed")


class NoHostKeyError(Exception):
    """A server's host key cannot be had, with the reason.

    Attributes:
        refused: Whether it is the jump host's key that is not the expected one.
        wrong_kind: Whether the server has none of the type that was asked for.
    """

    def __init__(self, why: str, said: str) -> None:
        super().__init__(why)
        self.refused = REFUSED in said
        self.wrong_kind = WRONG_KIND in said


@dataclass(frozen=True)
class Trusted:
    """A jump host whose key is known, with the key to log in there; empty: the keys of the agent or of ~/.ssh."""

    endpoint: ssh.Endpoint
    host_key: str
    private_key: str = field(default="", repr=False)


def fetch(place: ssh.Endpoint, via: Trusted | None = None, kind: str = "", timeout: int = TIMEOUT) -> str:
    """The host key of an SSH server, of the preferred type that it has. Nobody vouches for it yet.

    Args:
        place: The server.
        via: The jump host that leads to it.
        kind: The only type that is asked for; empty: any that deployments can check.
        timeout: Seconds that the server may take to answer.

    Raises:
        NoHostKeyError: It cannot be had, and why.
    """
    with tempfile.TemporaryDirectory(prefix="launchpad-trust-") as directory:
        folder = Path(directory)
        done = subprocess.run(
            command(folder, place, _files(folder, via) if via else None, kind, timeout),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        found = folder / "found"
        lines = found.read_text().splitlines() if found.is_file() else []
    if not lines:
        raise NoHostKeyError(_why(place, done.stderr, kind), done.stderr)
    return " ".join(lines[0].split()[1:3])


def _files(folder: Path, via: Trusted) -> ssh.Endpoint:
    """Write the files for the jump host; gives how to log in there."""
    jump = via.endpoint
    git_ssh.write(folder / f"{ssh.JUMP}{ssh.KNOWN_HOSTS}", ssh.known_hosts_line(jump.host, jump.port, via.host_key))
    if via.private_key:
        git_ssh.write(folder / f"{ssh.JUMP}{ssh.KEY}", via.private_key)
    return ssh.Endpoint(jump.host, jump.user, jump.port, bool(via.private_key))


def command(
    folder: Path, place: ssh.Endpoint, jump: ssh.Endpoint | None, kind: str, timeout: int = TIMEOUT
) -> list[str]:
    """The ssh command that notes the key in ``folder``/found and is then refused by the server."""
    options = {
        "BatchMode": "yes",
        "CheckHostIP": "no",
        "ConnectTimeout": str(timeout),
        "GlobalKnownHostsFile": "none",
        "HostKeyAlgorithms": kind or ",".join(ssh.HOST_KEYS),
        "StrictHostKeyChecking": "accept-new",  # into a file that is read here and then gone
        "UserKnownHostsFile": str(folder / "found"),
        **dict.fromkeys(NO_LOGIN, "no"),
        **({"ProxyCommand": ssh.jump_command(folder, jump)} if jump else {}),
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return ["ssh", "-F", "none", *words, "-p", str(place.port), f"{place.user}@{place.host}", "true"]


def _why(place: ssh.Endpoint, said: str, kind: str) -> str:
    """Why there is no key, from what ssh said."""
    if WRONG_KIND in said:
        wanted = f"no host key of type {kind}" if kind else f"no host key of the types {', '.join(ssh.HOST_KEYS)}"
        return f"{place.host} has {wanted}. On the server, ssh-keygen -A makes what is missing; then restart its sshd"
    # What ssh says of the connection comes after what the jump host or its proxy command said.
    lines = [line.strip() for line in said.splitlines() if line.strip() and not CLOSED.match(line)]
    last = lines[-1] if lines else f"no answer within {TIMEOUT} s"
    return f"cannot ask {place.host} (port {place.port}) for its host key: {last}"
