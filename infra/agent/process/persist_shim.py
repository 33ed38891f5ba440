"""Links the paths of a release that outlive it to ``$DATA_DIR``. It runs as the app's user, in the build's sandbox.

Everything it touches is the app's own: the release that is being built, and ``$DATA_DIR``, where the serving release
may change anything meanwhile. So root does none of this, and only learns how it ended.

Usage: ``python3 -IS persist.py ROOT DATA PATH...``; the path of a folder ends with ``/``. This file is installed on its
own and imports nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path

MOST_SHOWN = 3
"""Files that are named of those that ``$DATA_DIR`` has in another version."""
KINDS = ("a file", "a folder")


class Refused(Exception):
    """A path cannot be kept; the message says why."""


@dataclass
class Copied:
    """What became of the files that the commit brought.

    Attributes:
        new: How many were copied.
        others: Those that are there already and differ.
    """

    new: int = 0
    others: list[str] = field(default_factory=list)

    def text(self) -> str:
        """It in words."""
        text = f"; {self.new} {'file' if self.new == 1 else 'files'} of the commit copied there" if self.new else ""
        if self.others:
            more = f" and {len(self.others) - MOST_SHOWN} more" if len(self.others) > MOST_SHOWN else ""
            text += f"; not changed there, though the commit has others: {', '.join(self.others[:MOST_SHOWN])}{more}"
        return text


def main() -> int:
    """Link every path, and say how each is kept."""
    root, data = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        for path in sys.argv[3:]:
            print(f"{path.rstrip('/')} is kept in $DATA_DIR{keep(root, data, path).text()}")
    except Refused as refused:
        print(refused)
        return 1
    except OSError as error:
        print(f"{error.filename2 or error.filename or data}: {error.strerror}")
        return 1
    return 0


def keep(root: Path, data: Path, path: str) -> Copied:
    """Keep one path: have it in ``data``, and a link to it in ``root``."""
    here, there = root / path, data / path
    if here.is_symlink():
        here.unlink()
    _refuse_another_kind(path, here, there)
    there.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    copied = Copied()
    if here.is_dir():
        copy_folder(here, there, copied, path.rstrip("/"))
        shutil.rmtree(here)
    elif here.exists():
        _copy(here, there, copied, path)
        here.unlink()
    elif path.endswith("/"):
        there.mkdir(mode=0o750, exist_ok=True)
    here.parent.mkdir(parents=True, exist_ok=True)
    here.symlink_to(there)
    return copied


def _refuse_another_kind(path: str, here: Path, there: Path) -> None:
    """Refuse a path that is a file at one end and a folder at the other."""
    name = path.rstrip("/")
    # A path of the release before says nothing of its kind: there it is what it is.
    wanted = here.is_dir() if here.exists() else path.endswith("/") or there.is_dir()
    if there.exists() and there.is_dir() != wanted:
        raise Refused(
            f"{name} is {KINDS[wanted]} in the commit or by its name, but $DATA_DIR/{name} is {KINDS[not wanted]}: "
            "move that away, or change launchpad:persist."
        )


def copy_folder(source: Path, target: Path, copied: Copied, shown: str) -> None:
    """Copy what the target lacks, links as links."""
    with contextlib.suppress(FileExistsError):
        target.mkdir(mode=0o750)
    for entry in sorted(source.iterdir()):
        there, name = target / entry.name, f"{shown}/{entry.name}"
        if not entry.is_dir() or entry.is_symlink():
            _copy(entry, there, copied, name)
        elif there.is_dir() or not os.path.lexists(there):
            copy_folder(entry, there, copied, name)


def _copy(source: Path, target: Path, copied: Copied, shown: str) -> None:
    """Copy a file or a link in one step, unless there is something in its place."""
    mode = source.lstat().st_mode
    if os.path.lexists(target):
        if differs(source, target):
            copied.others.append(shown)
    elif stat.S_ISREG(mode) or stat.S_ISLNK(mode):
        half = target.with_name(f".{target.name}.{os.getpid()}.launchpad")
        try:
            shutil.copy2(source, half, follow_symlinks=False)
            os.link(half, target, follow_symlinks=False)
            copied.new += 1
        except FileExistsError:
            copied.others.append(shown)  # the serving release has just made it
        finally:
            half.unlink(missing_ok=True)


def differs(ours: Path, theirs: Path) -> bool:
    """Whether both are regular files, with other contents; databases always differ, and are no news."""
    if not stat.S_ISREG(ours.lstat().st_mode) or not stat.S_ISREG(theirs.lstat().st_mode):
        return False
    return not filecmp.cmp(ours, theirs, shallow=False)


if __name__ == "__main__":
    sys.exit(main())
