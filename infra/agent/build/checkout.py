"""Writes the files of a commit, of its submodules and of Git LFS into the directory of a new release."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.agent.build import repository
from infra.agent.system import files
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App


@dataclass(frozen=True)
class Placed:
    """What is written in the places where a commit only refers to it.

    Attributes:
        submodules: The trees of submodules by their paths, each after the one it lies in.
        files: The modes and the objects of files by their paths.
    """

    submodules: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def checkout(app: App, revision: str, target: Path, placed: Placed) -> None:
    """Write a commit's files into a new directory.

    git refuses paths that lead out of the directory or into a ``.git``, and follows no link in it.

    Args:
        app: The app.
        revision: The commit.
        target: The directory.
        placed: What the commit refers to.

    Raises:
        Failure: They cannot be written, with what git said.
    """
    target.mkdir(mode=0o700, parents=True)
    files.directory(app.scratch, 0o700)
    with tempfile.TemporaryDirectory(prefix="index-", dir=app.scratch) as scratch:
        # Without root's own settings: they may name programs that rewrite files (Git LFS's filter).
        env = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_INDEX_FILE": f"{scratch}/index", "GIT_WORK_TREE": str(target)}

        def git(*arguments: str, feed: str = "") -> None:
            done = repository.git(app, *arguments, env=env, cwd=target, feed=feed)
            if not done.ok:
                raise Failure(f"Cannot write the files of {revision[:12]} to {target}:\n{done.last_lines()}")

        git("read-tree", revision)
        for path, tree in placed.submodules.items():
            git("update-index", "--force-remove", "-z", "--stdin", feed=f"{path}\0")
            git("read-tree", f"--prefix={path}/", tree)
        if placed.files:
            rows = [f"{mode} {blob}\t{path}\0" for path, (mode, blob) in placed.files.items()]
            git("update-index", "-z", "--index-info", feed="".join(rows))
        git("checkout-index", "--all", "--quiet")
