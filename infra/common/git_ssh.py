"""The ssh command for git: one key, one list of host keys, and no user or system SSH configuration."""

from __future__ import annotations

import shlex
from pathlib import Path

CONNECT_TIMEOUT = 20
"""Seconds that a server may take to answer."""
ALIVE_INTERVAL = 15
"""Seconds of silence after which ssh sends a keepalive message; it gives up after three without an answer."""


def environment(
    folder: Path, known_hosts: str, key: str = "", port: int = 22, proxy_command: str = ""
) -> dict[str, str]:
    """Write the key files and build git's variables for a server.

    Args:
        folder: A private directory for the files. It must exist as long as git runs.
        known_hosts: Lines of a known_hosts file. No other host is trusted.
        key: The private key. Empty: the keys of the user's SSH agent.
        port: The server's port, if the URL does not contain one.
        proxy_command: The command that leads to the server; empty: a direct connection.

    Returns:
        The variables ``GIT_SSH_COMMAND`` and ``GIT_SSH_VARIANT``.
    """
    hosts, identity = folder / "known_hosts", folder / "key"
    command = ["ssh", "-F", "none", "-p", str(port)] if port != 22 else ["ssh", "-F", "none"]
    command += ["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={hosts}"]
    command += ["-o", "GlobalKnownHostsFile=none", "-o", f"ConnectTimeout={CONNECT_TIMEOUT}"]
    command += ["-o", f"ServerAliveInterval={ALIVE_INTERVAL}"]
    if proxy_command:
        command += ["-o", shlex.quote(f"ProxyCommand={proxy_command}")]
    write(hosts, known_hosts)
    if key:
        write(identity, key)
        command += ["-o", "IdentitiesOnly=yes", "-i", str(identity)]
    return {"GIT_SSH_COMMAND": " ".join(command), "GIT_SSH_VARIANT": "ssh"}


def write(path: Path, text: str) -> None:
    """Write a file that only this user can read, with the line ends that ssh requires."""
    path.touch(mode=0o600)
    path.write_text(text.replace("\r\n", "\n").strip() + "\n")
