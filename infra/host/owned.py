"""What belongs to the app's user is removed and measured by that user, shut in: root follows nothing in it."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from . import say, sh, units
from .layout import App

LIMIT = 900.0
EMPTY = """\
for top do
  cd -- "$top" || continue
  chmod u+rwx .
  find . -xdev -mindepth 1 -type d ! -perm -u=rwx -exec chmod u+rwx {} ';'
  find . -xdev -mindepth 1 -delete
done
exit 0
"""
"""Empties directories, those without permissions, too. It runs as the app's user, and can write only in them."""


def remove(app: App, paths: Iterable[Path]) -> None:
    """Remove directories whose names are in a directory of root's, with everything in them.

    What the app owns is emptied by its own user; only the empty directory itself is removed by root. What was never
    given to the app (a build that was killed early) is root's alone and is removed by root.
    """
    theirs = []
    for path in paths:
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        if not stat.S_ISDIR(status.st_mode):
            path.unlink()
        elif status.st_uid == 0:
            shutil.rmtree(path)
        else:
            theirs.append(path)
    empty(app, theirs)
    for path in theirs:
        try:
            path.rmdir()
        except OSError as error:
            say.step("warning", f"{path} cannot be removed ({error.strerror}); the next deployment tries again")


def empty(app: App, paths: Iterable[Path]) -> None:
    """Remove everything in directories of the app's, as the app's user."""
    there = [str(path) for path in paths if path.is_dir() and not path.is_symlink()]
    if there:
        _run(app, ["/bin/sh", "-c", EMPTY, "sh", *there], tuple(there))


def sizes(app: App, paths: Iterable[Path]) -> dict[Path, int]:
    """How many bytes directories take on the disk, as far as the app's user can see them."""
    listed = _run(app, ["du", "--summarize", "--one-file-system", "--block-size=1", "--", *map(str, paths)], ()).out
    rows = [line.split("\t", 1) for line in listed.splitlines() if "\t" in line]
    return {Path(path): int(size) for size, path in rows if size.isdigit()}


def _run(app: App, argv: list[str], writable: tuple[str, ...]) -> sh.Done:
    unit = app.task(f"tidy-{os.getpid()}")
    properties = units.sandbox(app, writable, LIMIT)
    options = [f"--property={value}" for value in properties]
    return sh.run(["systemd-run", "--pipe", "--wait", "--collect", "--quiet", f"--unit={unit}", *options, *argv])
