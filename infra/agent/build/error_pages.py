"""The error pages that a commit brings in ``.launchpad/error_pages``, copied to where the proxy finds them.

The files are the app's by the time they are read, so each is opened without following a link, and only so much of it is
read. The copies are root's, in the folder of the release's static files: they are served, rolled back and removed with
the release.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from infra.agent.proxy.pages import FOLDER, NAME
from infra.agent.system import files, paths, say
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.common import atomic
from infra.common.printable import one_line

PLACE = ".launchpad/error_pages"
NAMES = "a status from 400 to 599 such as 502.html, 4xx.html, 5xx.html or maintenance.html"
LARGEST = 1_000_000
"""Bytes of a page. Pictures and styles are in the page itself, so it may be large."""
MOST = 300
"""Names in the folder that are looked at: there are 203 pages."""


def read(root: Path, top: Path) -> dict[str, bytes]:
    """The pages of a release, by their names.

    Args:
        root: The app's directory in the release.
        top: The release's directory.

    Raises:
        Failure: One of them is no regular file, or too large.
    """
    folder = paths.open_beneath(top, str(root.relative_to(top)), PLACE, directory=True)
    if folder is None:
        return {}
    try:
        with os.scandir(folder) as scanned:
            names = sorted(entry.name for entry in islice(scanned, MOST))
        pages = {name: _read(folder, name) for name in names if NAME.fullmatch(name)}
    finally:
        os.close(folder)
    if others := [one_line(name) for name in names if not NAME.fullmatch(name)]:
        say.step("warning", f"{PLACE} holds {', '.join(others[:5])}, which is left out: a page is called {NAMES}")
    return pages


def _read(folder: int, name: str) -> bytes:
    shown = f"{PLACE}/{name}"
    if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        raise Failure(f"{shown} is a link, or no file at all; commit the page itself")
    handle = os.open(name, paths.FILE, dir_fd=folder)
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Failure(f"{shown} was changed while it was read")
        content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise Failure(f"{shown} is larger than {LARGEST} bytes")
    return content


def keep(app: App, release: str, pages: Mapping[str, bytes]) -> None:
    """Keep the pages of a release, beside its static files; those of a build that was killed are gone."""
    place = app.kept_static / release / FOLDER
    files.remove_tree(place)
    if not pages:
        return
    for folder in (app.static, app.kept_static, place.parent, place):
        files.directory(folder, 0o755)
    for name, content in pages.items():
        atomic.replace(place / name, content, 0o644)
    say.step("static", f"error pages: {', '.join(sorted(pages))}")
