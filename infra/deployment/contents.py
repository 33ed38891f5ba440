"""What a deployment of a local repository would not contain: uncommitted changes."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from infra.common import missing
from infra.deployment import git

STATUS_TIMEOUT = 5
"""Seconds that git may take to compare the work tree with the commit; in a huge work tree the check is skipped."""


def uncommitted(path: Path, revision: str, directory: str) -> list[str]:
    """Find uncommitted files below the app's directory, if the commit is the one checked out.

    Ignored files and changes in submodules do not count.

    Args:
        path: A directory in the repository.
        revision: The commit, all 40 digits.
        directory: The app's root in the repository.

    Returns:
        The paths of the files, relative to the repository's root.
    """
    found = git.run(path, "rev-parse", "--is-inside-work-tree", "--show-toplevel", "HEAD^{commit}").out
    start, end = "true\n", f"\n{revision}\n"
    if not found.startswith(start) or not found.endswith(end):
        return []
    root = Path(found.removeprefix(start).removesuffix(end))
    options = ("--porcelain=v1", "-z", "--untracked-files=all", "--ignore-submodules=all", "--no-renames")
    try:
        status = git.run(root, "status", *options, "--", directory or ".", timeout=STATUS_TIMEOUT)
    except subprocess.TimeoutExpired:
        return []
    return [entry[3:] for entry in status.out.split("\0") if len(entry) > 3]


def uncommitted_warning(name: str, paths: Sequence[str]) -> str:
    """The warning about uncommitted files."""
    count = "1 file of" if len(paths) == 1 else f"{len(paths)} files of"
    end = (
        "is not committed ({}); it is not deployed"
        if len(paths) == 1
        else "are not committed ({}); they are not deployed"
    )
    return f"{count} {name} {end.format(missing.some(paths))}"
