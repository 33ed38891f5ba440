"""The static files of each release, as copies of root's that the proxy serves without the app.

The proxy may read the keys of every app's certificates, and an app may put links to them among its files. So it reads
none of the app's own folders: root copies regular files out of them, opened one by one beneath their folder, and never
through a link. Files below ``$DATA_DIR`` change at any moment and are not copied; see proxy/file_server.py.

``static/kept/RELEASE`` has ``urls`` and ``immutable``, in which each file lies at the path of its URL: in the latter
those that never change, for their names hold a hash. ``data`` has an empty file ``=here`` for each URL below which
files of ``$DATA_DIR`` are served, and ``data.json`` their folders. ``static/blue`` and ``static/green`` are links to
the release that serves from that slot, so the proxy knows of every release without a word from us, and finds a file
that only an older kept release has: a page that was loaded before a switch still gets what it refers to.
"""

from __future__ import annotations

import contextlib
import errno
import filecmp
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from infra.agent.system import files, paths, say
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.app_model.hashed_names import is_hashed
from infra.app_model.static_words import DATA, KEY
from infra.common.printable import one_line
from infra.protocol.app_settings import URL_PREFIX, StaticFiles

URLS, IMMUTABLE, IN_DATA, HERE = "urls", "immutable", "data", "=here"
FOLDERS = "data.json"
COMPRESSED = (".gz", ".br", ".zst")
MOST_FILES = 200_000
MOST_ENTRIES = 1_000_000
"""Files, folders and whatever else is looked at. Hard links cost an app next to nothing, and us memory for each."""
TOP = PurePosixPath()
DEEPEST = 50
"""Folders in folders. Nobody has that many, and each costs a file handle."""


@dataclass
class Stage:
    """The static files of a release while they are put together.

    Attributes:
        path: The directory.
        before: That of another release, whose equal files are linked: they cost no space, keep their time, by which
            browsers know them, and are compressed already. None if there is none.
        count: How many files there are.
        left_out: How many links and other things that are no files were left out.
        seen: How many names were read.
    """

    path: Path
    before: Path | None = None
    count: int = 0
    left_out: int = 0
    seen: int = 0

    def add(self, prefix: str, folder: int) -> None:
        """Copy an open folder of the app's to a URL.

        Raises:
            Failure: There are too many files, or folders in folders, or the URL leads out of the directory.
        """
        if not re.fullmatch(URL_PREFIX, prefix):
            raise Failure(f"{KEY}: {one_line(prefix)} cannot be the beginning of URLs")
        inside = PurePosixPath(prefix.strip("/"))
        (self.path / URLS / inside).mkdir(parents=True, exist_ok=True)
        self._copy(folder, inside, 0)

    def _copy(self, folder: int, inside: PurePosixPath, depth: int) -> None:
        if depth > DEEPEST:
            raise Failure(f"{KEY}: {inside} has more than {DEEPEST} folders in each other")
        for name in self._names(folder):
            # In a path that is rewritten, Caddy takes what follows a ? for a query.
            if name.startswith(".") or "?" in name:
                continue
            mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                inner = os.open(name, paths.DIRECTORY, dir_fd=folder)
                try:
                    self._copy(inner, inside / name, depth + 1)
                finally:
                    os.close(inner)
            elif stat.S_ISREG(mode):
                self._copy_file(folder, name, inside)
            else:
                self.left_out += 1

    def _names(self, folder: int) -> list[str]:
        """The names in a folder, in order.

        Raises:
            Failure: There are too many by now.
        """
        names = []
        with os.scandir(folder) as scanned:
            for entry in scanned:
                names.append(entry.name)
                self.seen += 1
                if self.seen > MOST_ENTRIES:
                    raise Failure(f"{KEY}: there are more than {MOST_ENTRIES} files and folders")
        return sorted(names)

    def _copy_file(self, folder: int, name: str, inside: PurePosixPath) -> None:
        self.count += 1
        if self.count > MOST_FILES:
            raise Failure(f"{KEY}: there are more than {MOST_FILES} files")
        kind = IMMUTABLE if is_hashed(name) else URLS
        target = self.path / kind / inside / name
        handle = os.open(name, paths.FILE, dir_fd=folder)
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                self.left_out += 1
                return
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(handle, target, status.st_size)
        except (FileExistsError, NotADirectoryError):
            return  # of a folder with a longer URL, which came first
        finally:
            os.close(handle)
        self._share(target, PurePosixPath(kind) / inside / name)

    def _share(self, target: Path, name: PurePosixPath) -> None:
        """Replace a copy by a link to the equal file of another release, if there is one, with what compresses it."""
        if self.before is None:
            return
        other = self.before / name
        try:
            if not filecmp.cmp(target, other, shallow=False):
                return
        except FileNotFoundError:
            return
        target.unlink()
        target.hardlink_to(other)
        for suffix in COMPRESSED:
            with contextlib.suppress(FileNotFoundError, FileExistsError):
                target.with_name(target.name + suffix).hardlink_to(other.with_name(other.name + suffix))

    def add_compressed(self, folder: int, inside: PurePosixPath = TOP) -> None:
        """Copy what was made of these files by compress_shim.py, which ran as the app's user."""
        for name in self._names(folder):
            if len(inside.parts) <= DEEPEST and stat.S_ISDIR(_mode(name, folder)):
                inner = os.open(name, paths.DIRECTORY, dir_fd=folder)
                try:
                    self.add_compressed(inner, inside / name)
                finally:
                    os.close(inner)
            elif name.endswith(COMPRESSED) and stat.S_ISREG(_mode(name, folder)):
                self._add_compressed_file(folder, name, self.path / inside / name)

    def _add_compressed_file(self, folder: int, name: str, target: Path) -> None:
        original = target.with_name(name.rpartition(".")[0]) if len(name) > len(".gz") else target.parent
        if not original.is_file() or target.exists():
            return
        handle = os.open(name, paths.FILE, dir_fd=folder)
        try:
            status = os.fstat(handle)
            if stat.S_ISREG(status.st_mode) and status.st_size < original.stat().st_size:
                _write(handle, target, status.st_size)
        finally:
            os.close(handle)

    def add_data(self, items: tuple[StaticFiles, ...]) -> None:
        """Note down the folders below ``$DATA_DIR``, by their URLs."""
        for item in items:
            files.write(self.path / IN_DATA / item.prefix.strip("/") / HERE, "")
        folders = {item.prefix: item.folder.removeprefix(f"{DATA}/") for item in items}
        files.write_json(self.path / FOLDERS, folders, 0o644)


def begin(app: App) -> Stage:
    """An empty stage; what an interrupted build left of another one is removed."""
    path = app.static / "new"
    files.remove_tree(path)
    kept = sorted(app.kept_static.iterdir(), key=lambda each: each.stat().st_mtime) if app.kept_static.is_dir() else []
    for folder in (app.static, app.kept_static, path, path / URLS, path / IMMUTABLE):
        files.directory(folder, 0o755)
    return Stage(path, kept[-1] if kept else None)


def abandon(app: App) -> None:
    """Remove what a build that failed has left, which may be large."""
    files.remove_tree(app.static / "new")


def finish(app: App, release: str, stage: Stage) -> None:
    """Keep the files of a release from now on."""
    target = app.kept_static / release
    files.remove_tree(target)
    stage.path.rename(target)
    left = f"; {stage.left_out} links and special files were left out" if stage.left_out else ""
    say.step("static", f"{stage.count} files for the proxy{left}")


def show(app: App, slot: str, release: str) -> None:
    """Serve the files of a release together with what runs in a slot."""
    link, fresh = app.static / slot, app.static / f".{slot}.new"
    if not (app.kept_static / release).is_dir():
        link.unlink(missing_ok=True)
        return
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(Path("kept") / release)
    fresh.replace(link)


def forget_all_but(app: App, releases: set[str]) -> None:
    """Remove the files of all releases but these."""
    for path in app.kept_static.iterdir() if app.kept_static.is_dir() else []:
        if path.name not in releases:
            files.remove_tree(path)


def _mode(name: str, folder: int) -> int:
    return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode


def _write(source: int, target: Path, size: int) -> None:
    """Write the first bytes of an open file into a new one of root's, unless the disk has no room for it.

    The size is checked first, for root may fill what the file system reserves, and a file with holes takes more as a
    copy than as itself.
    """
    if size > files.free_bytes(target.parent):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        os.fchmod(handle, 0o644)
        done = 0
        while done < size and (sent := os.sendfile(handle, source, done, size - done)):
            done += sent
    finally:
        os.close(handle)
