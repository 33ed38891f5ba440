"""Makes what a local commit refers to (submodules, files of Git LFS) into git objects that are pushed along with it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from infra import local
from infra.common.printable import one_line
from infra.deployment import gather, git
from infra.deployment.gather import Gathered
from infra.protocol import paths

LONGEST = 500
"""Characters of what git lfs says in an error message; its first line says what is wrong."""
OPTIONS = (("core.bigFileThreshold", "16m"), ("core.looseCompression", "1"))
"""Settings of git: larger files are passed on in pieces, not held in memory."""


class ContentsError(Exception):
    """Something that the commit refers to cannot be pushed; the message says what, and what to do."""


@dataclass(frozen=True)
class Contents:
    """What is pushed along with a commit.

    Attributes:
        refspecs: More refs to push; empty if the commit refers to nothing.
        variables: git's variables for finding the objects.
    """

    refspecs: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def prepared(
    path: Path, revision: str, directory: str, allowed: Sequence[str], timeout: float | None = None
) -> Iterator[Contents]:
    """Make the objects, which exist as long as the block lasts.

    Args:
        path: A directory in the local repository.
        revision: The commit, all 40 digits.
        directory: Only what lies below this directory of the commit counts.
        allowed: The kinds that are left out: ``lfs``, ``submodules``.
        timeout: Seconds that ``git lfs`` may take.

    Raises:
        ContentsError: Something is not on this computer, or cannot be read.
    """
    gathered = gather.gather(path, revision, directory, allowed)
    if gathered.fetchable:
        for work_tree, commit in gathered.fetchable:
            _fetch(work_tree, commit, timeout)
        gathered = gather.gather(path, revision, directory, allowed)
    lacking = gathered.refusals(allowed)
    if not lacking and None in gathered.files.values():
        lacking = ["refers to files of Git LFS that git lfs fetch does not bring"]
    if lacking:
        raise ContentsError("\n".join(f"Commit {revision[:12]} of {path} {words}" for words in lacking))
    if not gathered.trees and not gathered.files:
        yield Contents()
        return
    # Below the project, for the system's folder for temporary files may be in memory.
    folder = local.build_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="contents-", dir=folder) as temporary:
        for name in ("info", "pack"):
            (Path(temporary) / name).mkdir()
        stores = gather.alternates([gather.objects(path), *gathered.stores])
        variables = {"GIT_OBJECT_DIRECTORY": temporary, **stores}
        tree = _tree(path, gathered, variables)
        yield Contents((f"+{tree}:{paths.pushed_contents(revision)}",), variables)


def _fetch(work_tree: Path, commit: str, timeout: float | None) -> None:
    """Have ``git lfs`` fetch the files of a commit, with the user's own credentials."""
    remotes = git.run(work_tree, "remote").out.split()
    remote = "origin" if "origin" in remotes or not remotes else remotes[0]
    try:
        done = git.run(work_tree, "lfs", "fetch", remote, commit, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise ContentsError(f"git lfs fetch did not end within {timeout:.0f} s in {work_tree}") from None
    if not done.ok:
        raise ContentsError(f"git lfs fetch failed in {work_tree}: {one_line(done.err, LONGEST)}")


def _tree(path: Path, gathered: Gathered, variables: Mapping[str, str]) -> str:
    """The tree of all of it: each submodule's tree by its commit, and each file by its SHA-256.

    Raises:
        ContentsError: git cannot make it.
    """
    options = [word for name, value in OPTIONS for word in ("-c", f"{name}={value}")]

    def run(*words: str, feed: str) -> str:
        done = git.run(path, *options, *words, feed=os.fsencode(feed), variables=variables)
        if not done.ok:
            raise ContentsError(f"git {words[0]} failed on what {path} refers to: {done.error_line}")
        return done.out.strip()

    files = {oid: str(file.absolute()) for oid, file in gathered.files.items() if file is not None}
    feed = "".join(f"{file}\n" for file in files.values())
    blobs = run("hash-object", "-w", "--no-filters", "--stdin-paths", feed=feed).split() if files else []
    rows = [f"040000 tree {tree}\t{commit}\n" for commit, tree in gathered.trees.items()]
    rows += [f"100644 blob {blob}\t{oid}\n" for oid, blob in zip(files, blobs, strict=True)]
    return run("mktree", feed="".join(rows))
