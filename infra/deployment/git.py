"""How git is run at the workstation: as it comes, whatever the person's settings say; no credential in an argument.

Settings that decide what git may read stay in force: ``safe.directory``, certificates, proxies, credential helpers.
"""

from __future__ import annotations

import os
import re
import subprocess
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

KEPT = re.compile(r"GIT_(SSL|PROXY|HTTP|EXEC_PATH|CONFIG_(?!PARAMETERS))")
"""What stays of git's variables. The others tell of another repository: inside a hook there are GIT_DIR and more."""

PLAIN = (
    ("color.ui", "false"),
    ("core.fsmonitor", "false"),
    ("core.pager", "cat"),
    ("log.showSignature", "false"),
    ("safe.bareRepository", "all"),
    ("submodule.recurse", "false"),
)
HTTP_CREDENTIALS = re.compile(r"(?P<scheme>https?://)(?P<credentials>[^/?#]*)@")
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


def without_password(url: str) -> str:
    """A URL fit for messages: credentials replaced."""
    return HTTP_CREDENTIALS.sub(r"\g<scheme>[secret]@", url)


def environment(given: Mapping[str, str], settings: Sequence[tuple[str, str]] = (), url: str = "") -> dict[str, str]:
    """The environment for git: ours with the person's settings overruled, and the credentials of ``url``.

    ``settings`` are set besides the plain ones, as ``git -c`` would.
    """
    kept = {name: value for name, value in given.items() if not name.startswith("GIT_") or KEPT.match(name)}
    every = [*PLAIN, *settings]
    bare, user, password = credentials(url)
    if bare != url:
        server = "/".join(bare.split("/")[:3])
        # An empty helper forgets those that were named before: they would keep what ours says.
        every += [(f"credential.{server}.helper", ""), (f"credential.{server}.helper", HELPER)]
        kept |= {"LAUNCHPAD_USER": user, "LAUNCHPAD_PASSWORD": password}
    count = kept.get("GIT_CONFIG_COUNT", "")
    first = int(count) if count.isdigit() else 0
    for number, (key, value) in enumerate(every, first):
        kept |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return kept | {
        "GIT_CONFIG_COUNT": str(first + len(every)),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "LC_ALL": "C",
    }


@dataclass(frozen=True)
class Done:
    """How git ended, and what it printed: ``data`` as it came, ``out`` and ``err`` as text."""

    code: int
    data: bytes
    err: str

    @property
    def ok(self) -> bool:
        """Whether it exited 0."""
        return self.code == 0

    @property
    def out(self) -> str:
        """Its output as text, whatever bytes there are."""
        return self.data.decode("utf-8", "replace")

    @property
    def said(self) -> str:
        """Its complaint, in one line."""
        lines = [line.strip() for line in self.err.splitlines() if line.strip()]
        return next((line for line in lines if line.startswith("fatal: ")), lines[-1] if lines else "git failed")


def run(path: Path, *arguments: str, feed: bytes = b"", timeout: float | None = None) -> Done:
    """Run git on a local repository. Raises ``subprocess.TimeoutExpired`` after ``timeout`` seconds."""
    done = subprocess.run(
        ["git", "-C", str(path), *arguments],
        input=feed,
        capture_output=True,
        env=environment(os.environ),
        timeout=timeout,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))
