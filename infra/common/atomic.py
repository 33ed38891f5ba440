"""Atomic file replacement: a reader sees the old or the new file, even after a power failure."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def replace(path: Path, content: bytes, mode: int = 0o644, owner: tuple[int, int] | None = None) -> None:
    """Write a temporary file in the same directory, then rename it to ``path``.

    Args:
        path: The file. Its directory must exist.
        content: Its new contents.
        mode: Its permissions.
        owner: The ids of its user and group; None: those of this process. They are set before the rename.
    """
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if owner is not None:
            os.chown(draft, *owner)
        Path(draft).chmod(mode)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
