"""What a commit names and does not hold: files of Git LFS and submodules, which git alone does not deliver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import repository, say
from .failure import Failure
from .layout import App
from .printable import one_line

POINTER = "version https://git-lfs.github.com/spec/v1\n"
POINTER_SIZES = range(len(POINTER), 1025)
"""A pointer is shorter than 1024 bytes."""
SHOWN = 5


@dataclass(frozen=True)
class Missing:
    """Paths in a commit, below the app's directory, whose contents are elsewhere."""

    lfs: tuple[str, ...]
    submodules: tuple[str, ...]

    def words(self, kind: str) -> str:
        """What is missing, and what the app would see instead."""
        paths: tuple[str, ...] = getattr(self, kind)
        shown = ", ".join(one_line(path) for path in paths[:SHOWN]) + (", ..." if len(paths) > SHOWN else "")
        one = len(paths) == 1
        if kind == "lfs":
            files = "1 file" if one else f"{len(paths)} files"
            return f"holds Git LFS pointers in place of {files} ({shown}): the app would read texts of 130 bytes"
        if one:
            return f"has 1 submodule ({shown}): the app would find its folder empty"
        return f"has {len(paths)} submodules ({shown}): the app would find their folders empty"


REMEDIES = {
    "lfs": "Launchpad does not fetch from Git LFS. Commit the files themselves (git lfs migrate export), "
    "or keep them elsewhere, or deploy without them",
    "submodules": "Launchpad does not fetch submodules. Commit their files (git subtree add), or install them as "
    "packages (requirements.txt takes git+https URLs), or deploy without them",
}


def check(app: App, revision: str, directory: str, allowed: Sequence[str]) -> None:
    """Refuse a commit that lacks contents below the app's directory, unless they may be missing."""
    missing = find(app, revision, directory)
    mistakes: list[str] = []
    for kind in ("lfs", "submodules"):
        if not getattr(missing, kind):
            continue
        if kind in allowed:
            say.step("fetch", f"warning: the commit {missing.words(kind)}; allow_missing allows it")
        else:
            mistakes.append(
                f"The commit {revision[:12]} {missing.words(kind)}.\n{REMEDIES[kind]}: "
                f"pulumi config set --path 'launchpad:allow_missing[{len(allowed) + len(mistakes)}]' {kind}"
            )
    if mistakes:
        raise Failure("\n".join(mistakes))


def find(app: App, revision: str, directory: str) -> Missing:
    """The pointers and submodules of a commit below a directory; files whose contents git holds do not count."""
    tree = f"{revision}:{directory}" if directory else f"{revision}^{{tree}}"
    lfs: dict[str, list[str]] = {}
    submodules = []
    for entry in repository.git(app, "ls-tree", "-r", "-l", "-z", tree).out.split("\0"):
        head, _, path = entry.partition("\t")
        if not path:
            continue
        mode, _, name, size = head.split()
        if mode == "160000":
            submodules.append(path)
        elif mode.startswith("100") and size.isdigit() and int(size) in POINTER_SIZES:
            lfs.setdefault(name, []).append(path)
    pointers = _pointers(app, list(lfs)) if lfs else set()
    found = sorted(path for name, paths in lfs.items() if name in pointers for path in paths)
    return Missing(tuple(found), tuple(submodules))


def _pointers(app: App, names: list[str]) -> set[str]:
    """Which of these small files are pointers."""
    # Latin-1 has a character for each byte, so that the sizes hold.
    said = repository.git(app, "cat-file", "--batch", "--buffer", feed="\n".join(names) + "\n", encoding="latin-1").out
    found, at = set(), 0
    while at < len(said):
        end = said.index("\n", at)
        name, kind, *size = said[at:end].split()
        if kind == "blob" and said.startswith(POINTER, end + 1):
            found.add(name)
        at = end + 1 + sum(int(each) + 1 for each in size)  # one that is missing has no size
    return found
