"""Running git on the workstation with default behaviour, whatever the user's settings are.

No credential is ever in an argument.

Settings that control what git may access stay in force: ``safe.directory``, certificates, proxies, credential helpers.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.common import git_url

KEPT = re.compile(r"GIT_(SSL|PROXY|HTTP|EXEC_PATH|CONFIG_(?!PARAMETERS))")
"""git's variables that are kept. The others may refer to another repository: in a hook, git sets GIT_DIR and more."""

PLAIN = (
    ("color.ui", "false"),
    ("core.fsmonitor", "false"),
    ("core.pager", "cat"),
    ("log.showSignature", "false"),
    ("safe.bareRepository", "all"),
    ("submodule.recurse", "false"),
)


def environment(given: Mapping[str, str], settings: Sequence[tuple[str, str]] = (), url: str = "") -> dict[str, str]:
    """Build git's environment.

    Args:
        given: The environment of this process.
        settings: Additional git settings, as ``git -c`` would set them.
        url: A URL whose credentials git should use.
    """
    kept = {name: value for name, value in given.items() if not name.startswith("GIT_") or KEPT.match(name)}
    every = [*PLAIN, *settings]
    credentials = git_url.credentials(url)
    if credentials.url != url:
        settings, variables = git_url.helper(credentials)
        every += settings
        kept |= variables
    count = kept.get("GIT_CONFIG_COUNT", "")
    first = int(count) if count.isdigit() else 0
    return kept | {
        **git_url.settings_in_environment(every, first),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "LC_ALL": "C",
    }


@dataclass(frozen=True)
class Completed:
    """The result of a git command.

    Attributes:
        code: The exit status.
        data: The standard output as bytes.
        err: The standard error as text.
    """

    code: int
    data: bytes
    err: str

    @property
    def ok(self) -> bool:
        """Whether git exited with 0."""
        return self.code == 0

    @property
    def out(self) -> str:
        """The standard output as text; invalid UTF-8 is replaced."""
        return self.data.decode("utf-8", "replace")

    @property
    def error_line(self) -> str:
        """The error message in one line."""
        lines = [line.strip() for line in self.err.splitlines() if line.strip()]
        return next((line for line in lines if line.startswith("fatal: ")), lines[-1] if lines else "git failed")


def run(
    path: Path,
    *arguments: str,
    feed: bytes = b"",
    timeout: float | None = None,
    variables: Mapping[str, str] | None = None,
) -> Completed:
    """Run git on a local repository.

    Args:
        path: A directory in the repository.
        arguments: The arguments of git.
        feed: Its standard input.
        timeout: Seconds after which it is killed.
        variables: Variables on top of the usual ones.

    Raises:
        subprocess.TimeoutExpired: The timeout expired.
    """
    completed = subprocess.run(
        ["git", "-C", str(path), *arguments],
        input=feed,
        capture_output=True,
        env={**environment(os.environ), **(variables or {})},
        timeout=timeout,
        check=False,
    )
    return Completed(completed.returncode, completed.stdout, completed.stderr.decode("utf-8", "replace"))
