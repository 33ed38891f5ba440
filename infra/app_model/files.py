"""The files of an app's commit, as everything here reads them: never run, never imported."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Protocol


class AppError(Exception):
    """The app's files are not right: the message names the file, what is wrong and what to do."""


class UnreadCodeError(AppError):
    """Nothing says how the app starts, and some of its files are no Python that this Python can read."""


class Files(Protocol):
    """The files of one commit. Paths are relative to the app's directory; ``..`` leads up, as far as the commit's root.

    What reads them may be hostile to nobody but itself: the implementations bound sizes, and follow no link out of the
    commit.
    """

    def text(self, path: str) -> str | None:
        """The text of a regular file, with newlines as line ends; None if there is none.

        Raises:
            AppError: It is too large, or no text.
        """

    def data(self, path: str) -> bytes | None:
        """The bytes of a regular file; None if there is none.

        Raises:
            AppError: It is too large.
        """

    def names(self, folder: str = "") -> Mapping[str, bool]:
        """The names in a folder, each with whether it is a folder; empty if there is no such folder."""

    def up(self) -> int:
        """How many folders the app's directory lies below the commit's root."""


@dataclass(frozen=True)
class MemoryFiles:
    """Files that are in memory, by their paths from the commit's root; for tests.

    Attributes:
        texts: The files.
        directory: The app's directory in the commit.
        binary: Files that are no UTF-8 text.
    """

    texts: Mapping[str, str]
    directory: str = ""
    binary: Mapping[str, bytes] = field(default_factory=dict)
    known: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        folders = {str(parent) for path in (*self.texts, *self.binary) for parent in PurePosixPath(path).parents}
        object.__setattr__(self, "known", frozenset(folders))

    def text(self, path: str) -> str | None:
        """The text of a file."""
        if self._absolute(path) in self.binary:
            raise AppError(f"{path}: is not UTF-8 text")
        return self.texts.get(self._absolute(path))

    def data(self, path: str) -> bytes | None:
        """The bytes of a file."""
        text = self.texts.get(self._absolute(path))
        return self.binary.get(self._absolute(path)) if text is None else text.encode()

    def names(self, folder: str = "") -> Mapping[str, bool]:
        """The names in a folder, and whether each is one."""
        start = self._absolute(folder)
        files = dict.fromkeys((*self.texts, *self.binary), False) | {path: True for path in self.known if path != "."}
        return {
            PurePosixPath(path).name: is_folder
            for path, is_folder in sorted(files.items())
            if str(PurePosixPath(path).parent) == start
        }

    def up(self) -> int:
        """The depth of the app's directory."""
        return len(PurePosixPath(self.directory).parts)

    def _absolute(self, path: str) -> str:
        return normal(str(PurePosixPath(self.directory) / path))


def normal(path: str) -> str:
    """A relative path without ``.`` and, where they can be resolved, without ``..``; ``.`` for the folder itself."""
    return posixpath.normpath(path)
