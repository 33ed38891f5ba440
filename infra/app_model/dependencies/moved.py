"""An app's files as they are seen from a folder above its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from infra.app_model.files import Files


@dataclass(frozen=True)
class Above:
    """The files of a folder above the app's directory.

    Attributes:
        files: The app's files.
        depth: How many folders above.
    """

    files: Files
    depth: int

    def text(self, path: str) -> str | None:
        """The text of a file; see ``Files``."""
        return self.files.text(self._from_below(path))

    def data(self, path: str) -> bytes | None:
        """The bytes of a file; see ``Files``."""
        return self.files.data(self._from_below(path))

    def names(self, folder: str = "") -> Mapping[str, bool]:
        """The names in a folder; see ``Files``."""
        return self.files.names(self._from_below(folder))

    def up(self) -> int:
        """The depth of this folder; see ``Files``."""
        return self.files.up() - self.depth

    def _from_below(self, path: str) -> str:
        return "/".join([*[".."] * self.depth, *filter(None, [path])])
