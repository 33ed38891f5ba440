"""The objects of a local repository: what a commit has at its paths, and what is in them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.app_model.files import AppError
from infra.deployment import gather, git

LARGEST = 5_000_000
"""Bytes of a file at most. The agent has the same limit, so that both sides make the same plan."""
LINK, FOLDER, SUBMODULE = "120000", "040000", "160000"
"""Modes of a tree's entries. Source: git-fast-import(1), under "filemodify"."""
NOT_LAZY = {"GIT_NO_LAZY_FETCH": "1"}
"""In a partial clone git would fetch what is missing, one object at a time."""


class UnreadableCommitError(AppError):
    """git cannot list the commit's files."""


@dataclass(frozen=True)
class Entry:
    """What a commit has at a path: the mode and the object's name, which is empty for a folder."""

    mode: str
    blob: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder; a submodule is an empty one."""
        return self.mode in (FOLDER, SUBMODULE)


class Objects:
    """The contents of a repository's objects, from one git process that starts with the first question."""

    def __init__(self, path: Path, variables: Mapping[str, str] | None = None) -> None:
        """Read the objects of a repository.

        Args:
            path: A directory in it, or a bare repository.
            variables: git's environment; by default one in which it fetches nothing.
        """
        self.path = path
        self.variables = variables or {**git.environment(os.environ), **NOT_LAZY}
        self.process: subprocess.Popen[bytes] | None = None
        self.read: dict[str, bytes | None] = {}

    def content(self, blob: str) -> bytes | None:
        """The content of an object; None if it is larger than ``LARGEST``.

        Raises:
            UnreadableCommitError: It is not in the repository.
        """
        if blob not in self.read:
            self.read[blob] = self._ask(blob)
        return self.read[blob]

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def _ask(self, blob: str) -> bytes | None:
        process = self.process = self.process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(f"{blob}\n".encode())
            process.stdin.flush()
        except BrokenPipeError:
            self.close()
        head = process.stdout.readline().split() if self.process else []
        if len(head) != 3:  # "<name> missing"
            raise UnreadableCommitError("not all files of the commit are on this computer (a partial clone)")
        if int(head[2]) > LARGEST:
            self.close()  # cheaper than reading the rest
            return None
        content = process.stdout.read(int(head[2]) + 1)
        return content[:-1]

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["git", "-C", str(self.path), "cat-file", "--batch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self.variables,
        )


def listed(path: Path, revision: str, stores: Sequence[Path] = ()) -> dict[str, Entry]:
    """Everything in a commit except its folders, by path; submodules are among it.

    Args:
        path: A directory in the repository, or a bare repository.
        revision: The commit.
        stores: More folders with objects.

    Raises:
        UnreadableCommitError: git cannot list the commit's files.
    """
    variables = gather.alternates(stores)
    tree = git.run(path, "ls-tree", "-r", "-z", "--full-tree", f"{revision}^{{tree}}", variables=variables)
    if not tree.ok:
        raise UnreadableCommitError(
            f"The files of the commit {revision[:12]} cannot be listed; git reports: {tree.error_line}"
        )
    entries = {}
    for line in tree.data.split(b"\0"):
        head, _, name = line.partition(b"\t")
        if name:
            mode, _, blob = head.decode("ascii").split(" ")
            entries[os.fsdecode(name)] = Entry(mode, blob)
    return entries
