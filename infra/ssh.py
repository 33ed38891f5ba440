"""Formats of OpenSSH: known_hosts lines, host keys, fingerprints, and the command lines that log in to a machine."""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path

PORT = 22
KEY = "key"
KNOWN_HOSTS = "known_hosts"
JUMP = "jump_"
LOGIN = "login.json"
"""The names of the files for a login, which are in the same folder; those for the jump host begin with ``JUMP``."""

HOST_KEYS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")
"""The types of host keys that deployments can check, the preferred one first.

Not ssh-rsa: Pulumi's plugin accepts only the type itself as a signature, SHA-1, which current servers refuse.
"""


@dataclass(frozen=True)
class Endpoint:
    """Where somebody logs in, and as whom."""

    host: str
    user: str
    port: int = PORT
    own_key: bool = True
    """Whether there is a file with a key for it; otherwise ssh offers the keys of the user's agent."""


@dataclass(frozen=True)
class Login:
    """The way to a machine; the keys are in files."""

    to: Endpoint
    jump: Endpoint | None = None
    proxy_command: str = ""
    """A ProxyCommand instead of a jump host; empty: none."""

    def text(self) -> str:
        """As JSON, for ``LOGIN``."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, text: str) -> Login:
        """Read what ``text`` wrote."""
        found = json.loads(text)
        jump = Endpoint(**found["jump"]) if found["jump"] else None
        return cls(Endpoint(**found["to"]), jump, found["proxy_command"])


def sudo(user: str) -> str:
    """What a command line begins with that root has to run: nothing for root, whose machine may have no sudo."""
    return "" if user == "root" else "sudo "


def known_hosts_line(host: str, port: int, host_key: str) -> str:
    """Format a line of a known_hosts file, without a line end.

    OpenSSH looks up a host as ``[host]:port`` unless the port is 22.

    Source: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT.
    """
    name = host if port == PORT else f"[{host}]:{port}"
    return f"{name} {host_key}"


def command_line(folder: Path, login: Login) -> str:
    """Format the shell command that logs in to a machine; a command to run on the machine may follow it.

    Args:
        folder: The folder with the login's files.
        login: The way to the machine.
    """
    proxy = jump_command(folder, login.jump) if login.jump else login.proxy_command
    options = [
        *_identity(folder / KEY, login.to),
        _known_hosts(folder / KNOWN_HOSTS),
        *([f"-o ProxyCommand={shlex.quote(proxy)}"] if proxy else []),
        "-o StrictHostKeyChecking=yes",
        f"-p {login.to.port}",
    ]
    return f"ssh {' '.join(options)} {login.to.user}@{login.to.host}"


def jump_command(folder: Path, jump: Endpoint) -> str:
    """Format the ProxyCommand that leads through a jump host, without any ssh configuration but its own.

    ``ProxyJump`` would take the jump host's key and known hosts from the user's configuration.
    """
    options = [
        "-F none -o BatchMode=yes",
        *_identity(folder / f"{JUMP}{KEY}", jump),
        _known_hosts(folder / f"{JUMP}{KNOWN_HOSTS}"),
        "-o GlobalKnownHostsFile=none -o StrictHostKeyChecking=yes",
        f"-p {jump.port}",
    ]
    # The ssh that starts this one replaces %h and %p.
    return f"ssh {' '.join(options)} -W '[%h]:%p' {jump.user}@{jump.host}"


def _identity(key: Path, endpoint: Endpoint) -> list[str]:
    return [f"-i {shlex.quote(str(key))}", "-o IdentitiesOnly=yes"] if endpoint.own_key else []


def _known_hosts(file: Path) -> str:
    """The option that names the file; in quotes if it has a space, because the option's value is a list of files."""
    name = str(file)
    if any(char.isspace() for char in name):
        name = f'"{name}"'
    return f"-o UserKnownHostsFile={shlex.quote(name)}"


def host_key(value: str) -> str:
    """Read a public host key; a comment at its end is dropped.

    Raises:
        ValueError: With a phrase that follows "must be".
    """
    allowed = f"a public host key such as ssh-ed25519 AAAA..., of one of the types {', '.join(HOST_KEYS)}"
    kind, _, rest = value.strip().partition(" ")
    if kind == "ssh-rsa":
        raise ValueError(
            f"{allowed}: an RSA key cannot be checked by Pulumi's plugin. On the server, ssh-keygen -A makes the others"
        )
    encoded = rest.strip().partition(" ")[0]
    try:
        content = base64.b64decode(encoded, validate=True)
    except ValueError:
        content = b""
    if kind not in HOST_KEYS or "\n" in value.strip() or not content.startswith(_field(kind)):
        raise ValueError(allowed)
    return f"{kind} {encoded}"


def _field(text: str) -> bytes:
    """A text as the SSH protocol writes it: its length, then its bytes."""
    return len(text).to_bytes(4, "big") + text.encode()


def fingerprint(public_key: str) -> str:
    """The fingerprint that ssh shows for a public key: ``SHA256:...``."""
    digest = hashlib.sha256(base64.b64decode(public_key.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
