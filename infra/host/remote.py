"""How git reads a repository on a server: credentials and keys where no other user sees them, errors with advice."""

from __future__ import annotations

import re
import tempfile
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from . import files
from .failure import Failure
from .layout import App
from .spec import Source

SSH_URL = re.compile(r"ssh://|git\+ssh://|(?!.*://)[^/]+:(?!//)")
HTTP_CREDENTIALS = re.compile(r"(?P<scheme>https?://)(?P<credentials>[^/?#]*)@")

HINTS = {
    "could not read Username": "The server asks for a user name: the repository is private, or not there. "
    "Use an SSH URL with a deploy key, a token in the URL (a secret), or a local path.",
    "Authentication failed": "The credentials in the URL are not accepted.",
    "Permission denied (publickey)": "The server does not accept the deploy key.",
    "Host key verification failed": "The server's host key is not the one in known_hosts.",
    "Could not resolve host": "The machine cannot resolve the server's name.",
    "Repository not found": "There is no such repository, or the credentials may not see it.",
}
"""What git and ssh say, and what it means. None of it gets better by asking again."""

DECLINED = re.compile(
    r"not our ref|unadvertised object|does not support|does not allow|remote error|(couldn't find|no such) remote ref"
)
"""What git says where a server does not give out a single commit by its hash, but may have it in a branch."""

HELPER = (
    """!f() { test "$1" = get && printf 'username=%s\\npassword=%s\\n' "$LAUNCHPAD_USER" "$LAUNCHPAD_PASSWORD"; }; f"""
)
"""A credential helper that answers from the environment, which only the same user can read. git hands a URL to its
children as an argument, which every user can read, also one that ``insteadOf`` made of another."""


class Credentials(NamedTuple):
    """The parts of an http URL: where it leads, and the decoded user name and password (empty where it has none)."""

    url: str
    user: str
    password: str


def credentials(url: str) -> Credentials:
    """Take the credentials out of a repository's URL; an SSH URL is left as it is."""
    match = HTTP_CREDENTIALS.match(url)
    if not match:
        return Credentials(url, "", "")
    user, _, password = match["credentials"].partition(":")
    bare = match["scheme"] + url[match.end() :]
    return Credentials(bare, urllib.parse.unquote(user), urllib.parse.unquote(password))


def shown(source: Source) -> str:
    """The URL fit for messages."""
    return HTTP_CREDENTIALS.sub(r"\g<scheme>[secret]@", source.url)


@contextmanager
def access(app: App, source: Source) -> Iterator[tuple[str, dict[str, str]]]:
    """The URL to hand to git, and its environment: credentials, or deploy key and known hosts in files of root's."""
    if not SSH_URL.match(source.url):
        url, user, password = credentials(source.url)
        yield url, _helper(url, user, password) if url != source.url else {}
        return
    if not source.known_hosts:
        raise Failure(
            f"{source.url} is an SSH URL, but its server's host key is not known, and a stranger is not trusted.\n"
            "Set known_hosts to the line that `ssh-keyscan -t ed25519 <server>` prints, after checking it against what "
            "the server's operator publishes."
        )
    files.directory(app.scratch, 0o700)
    with tempfile.TemporaryDirectory(prefix="ssh-", dir=app.scratch) as scratch:
        known, key = Path(scratch, "known_hosts"), Path(scratch, "key")
        files.write(known, source.known_hosts.strip() + "\n", 0o600)
        command = f"ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile={known}"
        command += " -o GlobalKnownHostsFile=none -o ConnectTimeout=20"
        if source.deploy_key:
            files.write(key, source.deploy_key.strip().replace("\r\n", "\n") + "\n", 0o600)
            command += f" -o IdentitiesOnly=yes -i {key}"
        yield source.url, {"GIT_SSH_COMMAND": command}


def _helper(url: str, user: str, password: str) -> dict[str, str]:
    """git's environment for a server that asks for a password: our helper and no other, for this server alone."""
    server = "/".join(url.split("/")[:3])
    return {
        "LAUNCHPAD_USER": user,
        "LAUNCHPAD_PASSWORD": password,
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": f"credential.{server}.helper",
        "GIT_CONFIG_VALUE_0": "",  # forgets the helpers named before
        "GIT_CONFIG_KEY_1": f"credential.{server}.helper",
        "GIT_CONFIG_VALUE_1": HELPER,
    }


def advice(errors: str) -> str:
    """git's last words, and what they mean."""
    text = "\n".join(errors.strip().splitlines()[-8:])
    return "\n".join([text, *(hint for sign, hint in HINTS.items() if sign in text)])
