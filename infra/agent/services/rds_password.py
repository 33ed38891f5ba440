"""The password of an app's role on RDS: made on this machine, known to the app alone, and to the server as a hash."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import pwd
import secrets
from pathlib import Path

from infra.agent.system import files
from infra.agent.system.layout import App
from infra.common import atomic
from infra.protocol.database import Server, password_file

ROUNDS = 4096
"""Of hashing, as PostgreSQL itself has it."""


def new() -> str:
    """A password. It is long and by chance, and has no character that means something in a password file."""
    return secrets.token_urlsafe(32)


def verifier(password: str, salt: bytes = b"") -> str:
    """What PostgreSQL keeps instead of a password. Given that, no log of the server ever has the password.

    Args:
        password: The password.
        salt: 16 bytes; by default others each time.

    Source: PostgreSQL's manual, 51.8 "pg_authid"; RFC 5803.
    """
    salt = salt or os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    keys = ":".join(base64.b64encode(each).decode() for each in (stored, hmac.digest(salted, b"Server Key", "sha256")))
    return f"SCRAM-SHA-256${ROUNDS}:{base64.b64encode(salt).decode()}${keys}"


def line(user: str, password: str, server: Server) -> str:
    """The line of the password file; it is sent to this server only. Source: PostgreSQL's manual, 32.16."""
    return f"{server.host}:{server.port}:*:{user}:{password}\n"


def prepare(app: App) -> bool:
    """Have the folder of the password file; says whether it was made. It is root's: the app puts no link there."""
    return files.directory(Path(password_file(app.name)).parent, 0o755)


def keep(app: App, password: str, server: Server) -> None:
    """Write the password file, which libpq uses only if nobody but its owner can read it.

    It is not in the manifest, and root never reads it: it is the app's, who may have put anything into it.
    """
    user = pwd.getpwnam(app.user)
    content = line(app.user, password, server).encode()
    atomic.replace(Path(password_file(app.name)), content, 0o400, (user.pw_uid, user.pw_gid))
