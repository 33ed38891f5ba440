"""The files of a checked-out commit, as the app model reads them."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.agent.system import trees
from infra.agent.system.failure import Failure
from infra.app_model.files import AppError


@dataclass(frozen=True)
class AppFiles:
    """The files of a release, which its own app may change at any moment.

    Attributes:
        root: The app's directory.
        top: The commit's root directory.
    """

    root: Path
    top: Path

    def text(self, path: str) -> str | None:
        """The text of a file; see ``Files``."""
        try:
            return trees.text(self.root, path, self.top)
        except Failure as failure:
            raise AppError(str(failure)) from failure

    def data(self, path: str) -> bytes | None:
        """The bytes of a file; see ``Files``."""
        try:
            return trees.data(self.root, path, self.top)
        except Failure as failure:
            raise AppError(str(failure)) from failure

    def names(self, folder: str = "") -> Mapping[str, bool]:
        """The names in a folder; see ``Files``."""
        try:
            found = trees.entries(self.root, folder or ".", self.top)
        except Failure:
            return {}
        return {name: stat.S_ISDIR(status.st_mode) for name, status in found.items()}

    def up(self) -> int:
        """The depth of the app's directory; see ``Files``."""
        return len(self.root.relative_to(self.top).parts)
