"""Says which contents of a commit cannot be delivered, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from infra.common.printable import one_line

SHOWN = 5
"""Number of paths that a message lists."""


@dataclass(frozen=True)
class Missing:
    """Paths in a commit whose contents are not at hand."""

    lfs: tuple[str, ...] = ()
    submodules: tuple[str, ...] = ()

    def kinds(self) -> dict[str, str]:
        """A description of what is missing and what the app would see instead, by its name in ``allow_missing``."""
        kinds = {"lfs": self._lfs() if self.lfs else "", "submodules": self._submodules() if self.submodules else ""}
        return {kind: description for kind, description in kinds.items() if description}

    def _lfs(self) -> str:
        files = "1 file" if len(self.lfs) == 1 else f"{len(self.lfs)} files"
        return f"holds Git LFS pointers in place of {files} ({some(self.lfs)}): the app would read texts of 130 bytes"

    def _submodules(self) -> str:
        if len(self.submodules) == 1:
            return f"has 1 submodule ({some(self.submodules)}): the app would find its folder empty"
        count = len(self.submodules)
        return f"has {count} submodules ({some(self.submodules)}): the app would find their folders empty"


def some(paths: Sequence[str]) -> str:
    """The first ``SHOWN`` paths, for a message."""
    return ", ".join(one_line(path) for path in paths[:SHOWN]) + (", ..." if len(paths) > SHOWN else "")


def allow(kind: str, place: int) -> str:
    """The command that lets a kind of contents be missing; ``place`` is its place in the list."""
    return f"pulumi config set --path 'launchpad:allow_missing[{place}]' {kind}"
