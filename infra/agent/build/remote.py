"""How git reads a repository on a server: credentials and keys where no other user sees them, errors with advice."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.agent.system import files
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.common import git_ssh, git_url
from infra.protocol.specs import Source

HINTS = {
    "could not read Username": "The server asks for a user name: the repository is private, or not there. "
    "Use an SSH URL with a deploy key, a token in the URL (a secret), or a local path.",
    "Authentication failed": "The credentials in the URL are not accepted.",
    "Permission denied (publickey)": "The server does not accept the deploy key.",
    "Host key verification failed": "The server's host key is not the one in known_hosts.",
    "Could not resolve host": "The machine cannot resolve the server's name.",
    "Operation too slow": "The server accepts the connection and then sends nothing. Is it well? Run it again later.",
    "Repository not found": "There is no such repository, or the credentials may not see it.",
}
"""What git and ssh say, and what it means. Trying again helps with none of it."""

DECLINED = re.compile(
    r"not our ref|unadvertised object|does not support|does not allow|remote error|(couldn't find|no such) remote ref"
)
"""What git says if a server does not give out single commits, but may have this one in a branch."""


@contextmanager
def access(app: App, source: Source) -> Iterator[tuple[str, dict[str, str]]]:
    """The URL to pass to git, and its environment: credentials, or a deploy key and known hosts in files of root's.

    Raises:
        Failure: The host key of an SSH server is not known.
    """
    if not git_url.SSH_URL.match(source.url):
        parts = git_url.credentials(source.url)
        settings, variables = git_url.helper(parts)
        environment = {**git_url.settings_in_environment(settings), **variables}
        yield parts.url, environment if parts.url != source.url else {}
        return
    if not source.known_hosts:
        raise Failure(
            f"{source.url} is an SSH URL, but its server's host key is not known, so the server cannot be trusted.\n"
            "Set known_hosts to the line that `ssh-keyscan -t ed25519 <server>` prints, after checking it against what "
            "the server's operator publishes."
        )
    files.directory(app.scratch, 0o700)
    with tempfile.TemporaryDirectory(prefix="ssh-", dir=app.scratch) as scratch:
        yield source.url, git_ssh.environment(Path(scratch), source.known_hosts, source.deploy_key)


def advice(errors: str) -> str:
    """What git wrote last, and what that means."""
    text = "\n".join(errors.strip().splitlines()[-8:])
    return "\n".join([text, *(hint for sign, hint in HINTS.items() if sign in text)])
