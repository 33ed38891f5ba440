"""Contents that a commit refers to but does not contain: Git LFS files and submodules."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Protocol

POINTER = b"version https://git-lfs.github.com/spec/v1\n"
POINTER_SIZES = range(len(POINTER), 1025)
"""A pointer is shorter than 1024 bytes. Source: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md"""
OBJECT = re.compile(rb"oid sha256:([0-9a-f]{64})\nsize ([0-9]{1,15})\n")
"""What follows in a pointer without extensions; git-lfs writes the lines in this order."""
DEEPEST, MOST = 10, 200
"""Submodules in submodules, and submodules altogether, at most."""


class Git(Protocol):
    """Runs git on a repository and returns its standard output."""

    def __call__(self, *arguments: str, feed: bytes = b"") -> bytes:
        """Run ``git`` with the arguments and ``feed`` as its standard input."""


@dataclass(frozen=True, order=True)
class LfsFile:
    """A pointer of Git LFS, at a path of the commit.

    Attributes:
        path: Where it lies, from the commit's root.
        oid: The SHA-256 of its content; empty if the pointer is not of the usual form.
        size: The bytes of its content.
        mode: The file's mode in the commit.
    """

    path: str
    oid: str = ""
    size: int = 0
    mode: str = "100644"


@dataclass(frozen=True, order=True)
class Submodule:
    """A submodule, at a path of the commit, and the commit of its own repository."""

    path: str
    commit: str


@dataclass(frozen=True)
class Referenced:
    """What a commit refers to, below a directory."""

    lfs: tuple[LfsFile, ...] = ()
    submodules: tuple[Submodule, ...] = ()


def find(git: Git, revision: str, directory: str = "", prefix: str = "") -> Referenced:
    """Find the LFS pointers and submodules in a commit.

    Args:
        git: Runs git on the repository.
        revision: The commit, or a tree.
        directory: Only what lies below this directory counts; empty: everything.
        prefix: Where the commit itself lies, if it is that of a submodule: with a slash at the end.
    """
    tree = f"{revision}:{directory}" if directory else f"{revision}^{{tree}}"
    prefix += f"{directory}/" if directory else ""
    small: dict[str, list[tuple[str, str]]] = {}
    submodules = []
    for entry in git("ls-tree", "-r", "-l", "-z", "--full-tree", tree).split(b"\0"):
        head, _, name = entry.partition(b"\t")
        if not name:
            continue
        path = prefix + os.fsdecode(name)
        mode, _, blob, size = head.decode("ascii").split()
        if mode == "160000":
            submodules.append(Submodule(path, blob))
        elif mode.startswith("100") and size.isdigit() and int(size) in POINTER_SIZES:
            small.setdefault(blob, []).append((path, mode))
    pointers = _pointers(git, list(small)) if small else {}
    files = [LfsFile(path, *pointers[blob], mode) for blob in pointers for path, mode in small[blob]]
    return Referenced(tuple(sorted(files)), tuple(submodules))


def urls(git: Git, revision: str) -> dict[str, tuple[str, str]]:
    """The name and the URL of each submodule of a commit by its path, as the commit's ``.gitmodules`` has them.

    The file may say anything: names and URLs are not checked. Git follows no include in it.
    """
    size = git("cat-file", "-s", f"{revision}:.gitmodules").strip()
    if not size.isdigit() or int(size) > 1_000_000:
        return {}
    values: dict[str, dict[str, str]] = {}
    for item in git("config", "--blob", f"{revision}:.gitmodules", "--null", "--list").split(b"\0"):
        key, _, value = os.fsdecode(item).partition("\n")
        section, _, rest = key.partition(".")
        name, _, last = rest.rpartition(".")
        if section == "submodule" and last in ("path", "url"):
            values.setdefault(name, {}).setdefault(last, value)
    return {each["path"]: (name, each.get("url", "")) for name, each in values.items() if "path" in each}


def _pointers(git: Git, blobs: list[str]) -> dict[str, tuple[str, int]]:
    """The blobs among these small files that are LFS pointers: the content's SHA-256 and size."""
    contents = git("cat-file", "--batch", "--buffer", feed="\n".join(blobs).encode() + b"\n")
    pointers: dict[str, tuple[str, int]] = {}
    at = 0
    while at < len(contents):
        end = contents.index(b"\n", at)
        blob, kind, *size = contents[at:end].split()
        if kind == b"blob" and contents.startswith(POINTER, end + 1):
            found = OBJECT.fullmatch(contents, end + 1 + len(POINTER), end + 1 + int(size[0]))
            pointers[blob.decode()] = (found[1].decode(), int(found[2])) if found else ("", 0)
        at = end + 1 + sum(int(each) + 1 for each in size)  # a missing blob has no size
    return pointers
