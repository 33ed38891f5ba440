"""Files taken away for good, also such as hold read-only directories or are another user's."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from cli import root
from cli.failure import Failure


def remove(path: Path) -> None:
    """Remove a file or a whole tree; none there is no matter. It follows no link.

    Raises:
        OSError: Something of it is left.
    """
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    for folder, _, _ in os.walk(path):  # Go's module cache is read-only, which nobody but root may remove
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            Path(folder).chmod(0o700)
    shutil.rmtree(path)


def remove_ours(path: Path) -> None:
    """Remove also what an earlier run as root has left.

    Raises:
        Failure: Something of it is left, with what to do.
    """
    try:
        remove(path)
    except OSError:
        words = ["sudo", "rm", "-rf", "--one-file-system", "--", str(path)]
        if not root.may_sudo() or subprocess.run(words, check=False).returncode != 0:
            raise Failure(f"{path} holds files of another user. Have root remove it: rm -rf {path.resolve()}") from None
