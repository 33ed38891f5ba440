"""From where we were called: the SSH connection that our caller came by, as far as its environment tells."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

LOOPBACK = ("127.0.0.1", "0", "127.0.0.1", "22")


def client() -> str:
    """The address in the environment of sudo's caller; empty if there is none. sudo itself does not pass it on."""
    return _variable("SSH_CLIENT").partition(" ")[0]


def our_end() -> tuple[str, str]:
    """The address and port of this machine that the caller connected to; both empty if there is no connection."""
    fields = _variable("SSH_CONNECTION").split()
    return (fields[2], fields[3]) if len(fields) == 4 else ("", "")


def connection(user: str) -> str:
    """The caller's connection as if a user had made it, for ``sshd -T -C``."""
    fields = _variable("SSH_CONNECTION").split()
    address, _, here, port = fields if len(fields) == 4 else LOOPBACK
    return f"user={user},host={address},addr={address},laddr={here},lport={port}"


def _variable(name: str) -> str:
    """A variable in the environment of the nearest process above us that has it."""
    prefix, pid = f"{name}=".encode(), os.getppid()
    while pid > 1:
        with contextlib.suppress(OSError):
            for entry in Path("/proc", str(pid), "environ").read_bytes().split(b"\0"):
                if entry.startswith(prefix):
                    return entry.removeprefix(prefix).decode(errors="replace")
        try:
            pid = int(Path("/proc", str(pid), "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, ValueError, IndexError):
            break
    return ""
