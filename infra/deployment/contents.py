"""What a deployment of a local repository would lack: uncommitted changes, files of Git LFS, submodules."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from infra.deployment import git
from infra.deployment.printable import one_line

POINTER = b"version https://git-lfs.github.com/spec/v1\n"
POINTER_SIZES = range(len(POINTER), 1025)
"""A pointer is shorter than 1024 bytes."""
SHOWN = 5
PATIENCE = 5
"""Seconds that git gets to compare the work tree with the commit; in a huge one that is left out."""

REMEDIES = {
    "lfs": "Launchpad does not fetch from Git LFS. Commit the files themselves (git lfs migrate export), "
    "or keep them elsewhere, or deploy without them",
    "submodules": "Launchpad does not fetch submodules. Commit their files (git subtree add), or install them as "
    "packages (requirements.txt takes git+https URLs), or deploy without them",
}


def missing(path: Path, revision: str, directory: str) -> dict[str, str]:
    """What a commit does not hold below a directory, in words, by the kind that ``allow_missing`` names."""
    tree = f"{revision}:{directory}" if directory else f"{revision}^{{tree}}"
    small: dict[str, list[str]] = {}
    submodules = []
    for entry in git.run(path, "ls-tree", "-r", "-l", "-z", "--full-tree", tree).out.split("\0"):
        head, _, name = entry.partition("\t")
        if not name:
            continue
        mode, _, blob, size = head.split()
        if mode == "160000":
            submodules.append(name)
        elif mode.startswith("100") and size.isdigit() and int(size) in POINTER_SIZES:
            small.setdefault(blob, []).append(name)
    pointers = _pointers(path, list(small)) if small else set()
    lfs = sorted(name for blob in pointers for name in small[blob])
    found = {}
    if lfs:
        files = "1 file" if len(lfs) == 1 else f"{len(lfs)} files"
        found["lfs"] = (
            f"holds Git LFS pointers in place of {files} ({_some(lfs)}): the app would read texts of 130 bytes"
        )
    if len(submodules) == 1:
        found["submodules"] = f"has 1 submodule ({_some(submodules)}): the app would find its folder empty"
    elif submodules:
        found["submodules"] = (
            f"has {len(submodules)} submodules ({_some(submodules)}): the app would find their folders empty"
        )
    return found


def _pointers(path: Path, blobs: list[str]) -> set[str]:
    """Which of these small files are pointers."""
    said = git.run(path, "cat-file", "--batch", "--buffer", feed="\n".join(blobs).encode() + b"\n").data
    found, at = set(), 0
    while at < len(said):
        end = said.index(b"\n", at)
        blob, kind, *size = said[at:end].split()
        if kind == b"blob" and said.startswith(POINTER, end + 1):
            found.add(blob.decode())
        at = end + 1 + sum(int(each) + 1 for each in size)  # one that is missing has no size
    return found


def uncommitted(path: Path, revision: str, directory: str) -> list[str]:
    """The files below the app's directory that are not as the commit has them, where that commit is checked out.

    What git ignores does not count, nor what goes on in submodules.
    """
    top = git.run(path, "rev-parse", "--is-inside-work-tree", "--show-toplevel")
    head = git.run(path, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if not top.out.startswith("true\n") or head.out.strip() != revision:
        return []
    root = Path(top.out.removeprefix("true\n").removesuffix("\n"))
    words = ("--porcelain=v1", "-z", "--untracked-files=all", "--ignore-submodules=all", "--no-renames")
    try:
        status = git.run(root, "status", *words, "--", directory or ".", timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return []
    return [entry[3:] for entry in status.out.split("\0") if len(entry) > 3]


def uncommitted_words(name: str, paths: Sequence[str]) -> str:
    """The warning about uncommitted files."""
    count = "1 file of" if len(paths) == 1 else f"{len(paths)} files of"
    end = (
        "is not committed ({}); it is not deployed"
        if len(paths) == 1
        else "are not committed ({}); they are not deployed"
    )
    return f"{count} {name} {end.format(_some(paths))}"


def _some(paths: Sequence[str]) -> str:
    return ", ".join(one_line(path) for path in paths[:SHOWN]) + (", ..." if len(paths) > SHOWN else "")
