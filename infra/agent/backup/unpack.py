"""Unpacks what ``pack`` made, and compares what is on the disk then with the manifest. It runs without rights.

The stream is an app's own work, whatever is in it. So it is unpacked where nothing but the target can be written, by
the app's user, or for a drill by one that no app can reach.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import stat
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from infra.agent.backup import archive, databases

BLOCK = 1 << 20
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
MOST_SHOWN = 20
"""Differences that are named."""
NO_MANIFEST = "The snapshot has no manifest, so it is cut off."


class Damaged(Exception):
    """The stream cannot be unpacked; the message says why."""


@dataclass
class Compared:
    """What was compared, and how it differs from the manifest; ``notes`` say what was not packed as it is."""

    files: int = 0
    bytes: int = 0
    databases: int = 0
    rows: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def wrong(self, text: str) -> None:
        """Note a difference."""
        if len(self.problems) < MOST_SHOWN:
            self.problems.append(text)


def unpack(stream: IO[bytes], target: Path, manifest: Path) -> None:
    """Unpack the stream.

    Args:
        stream: What ``pack`` wrote.
        target: An empty folder for the data.
        manifest: Where the manifest goes.

    Raises:
        Damaged: It is cut off, or leads out of the folder.
    """
    links: list[tuple[Path, str]] = []
    folders: list[tuple[Path, int, float]] = []
    complete = False
    try:
        with tarfile.open(fileobj=stream, mode="r|", bufsize=BLOCK) as tar:
            for info in tar:
                complete = info.name == archive.MANIFEST
                path = manifest if complete else target / _inside(info.name)
                if info.isdir():
                    path.mkdir(mode=0o700)
                    folders.append((path, info.mode & 0o777, info.mtime))
                elif info.issym():
                    links.append((path, info.linkname))
                elif info.isreg() and (content := tar.extractfile(info)):
                    _write(path, content, info)
                else:
                    raise Damaged(f"{info.name}: is of a kind that no backup has")
                cast("Any", tar).members = []  # it remembers all of them otherwise
    except (tarfile.TarError, EOFError) as error:
        raise Damaged(f"The snapshot is damaged: {error}") from error
    if not complete:
        raise Damaged(NO_MANIFEST)
    # When nothing is written through them any more, and when nothing is written in them.
    for path, to in links:
        path.symlink_to(to)
    for path, mode, when in reversed(folders):
        path.chmod(mode)
        os.utime(path, (when, when))


def _inside(name: str) -> PurePosixPath:
    """The path in the folder that a member's name means."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or path.parts[:1] != (archive.DATA,) or len(path.parts) < 2:
        raise Damaged(f"{name}: leads out of the app's data")
    return PurePosixPath(*path.parts[1:])


def _write(path: Path, content: IO[bytes], info: tarfile.TarInfo) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        while some := content.read(BLOCK):
            if some.count(0) == len(some):
                stream.seek(len(some), os.SEEK_CUR)  # a hole, as it may have been one
            else:
                stream.write(some)
        stream.truncate(info.size)
        stream.flush()
        os.fchmod(handle, info.mode & 0o777)
    os.utime(path, (info.mtime, info.mtime))


def compare(target: Path, manifest: Path) -> Compared:
    """Compare what is in a folder with the manifest: each file by its hash, each database by its rows, too.

    Raises:
        Damaged: The manifest is none.
    """
    try:
        return _compare(target, manifest)
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged("The manifest of the snapshot is damaged.") from error


def _compare(target: Path, manifest: Path) -> Compared:
    found, promised, names = Compared(), 0, 0
    with manifest.open(encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            if "file" in entry:
                _compare_file(target, entry, found)
            elif "link" in entry:
                with contextlib.suppress(OSError):
                    if str((target / entry["link"]).readlink()) == entry["target"]:
                        names += 1
                        continue
                found.wrong(f"{entry['link']}: is not the link that it was")
            elif "directory" in entry:
                names += (target / entry["directory"]).is_dir()
            elif "note" in entry:
                if len(found.notes) < MOST_SHOWN:
                    found.notes.append(f"{entry['note']}: {entry['why']}")
            elif "end" in entry:
                promised = entry["files"]
    if promised != found.files:
        found.wrong(f"{promised} files were packed, and {found.files} are in the manifest")
    there = sum(len(directories) + len(files) for _, directories, files in os.walk(target))
    if there != found.files + names:
        found.wrong(f"{found.files + names} files and folders were packed, and {there} are there")
    return found


def _open(target: Path, name: str) -> int:
    """A handle of a file that was unpacked. The manifest is the app's work, and may name anything.

    Raises:
        OSError: It is none: it leads out of the folder, through a link, or to a device or a FIFO, which have no end.
    """
    parts = PurePosixPath(name).parts
    if not parts or PurePosixPath(name).is_absolute() or ".." in parts:
        raise OSError(errno.EXDEV, "leads out of the app's data")
    handle = os.open(target, FOLDER)
    try:
        for part in parts[:-1]:
            following = os.open(part, FOLDER, dir_fd=handle)
            os.close(handle)
            handle = following
        file = os.open(parts[-1], FILE, dir_fd=handle)
    finally:
        os.close(handle)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "is no file")
    return file


def _compare_file(target: Path, entry: dict[str, object], found: Compared) -> None:
    name = str(entry["file"])
    path, digest = target / name, hashlib.sha256()
    try:
        with os.fdopen(_open(target, name), "rb") as stream:
            while some := stream.read(BLOCK):
                digest.update(some)
            size = os.fstat(stream.fileno()).st_size
    except OSError as error:
        found.wrong(f"{name}: {error.strerror}")
        return
    found.files += 1
    found.bytes += size
    if digest.hexdigest() != entry["sha256"]:
        found.wrong(f"{name}: has other contents than were packed")
    before = entry.get("database")
    if isinstance(before, dict):
        now = databases.count(path)
        found.databases += 1
        found.rows += sum(now.tables.values()) if now else 0
        if now is None or now.wrong:
            found.wrong(f"{name}: SQLite finds it damaged: {now.wrong if now else 'it cannot be read'}")
        elif now.tables != before["tables"]:
            found.wrong(f"{name}: has other numbers of rows than when it was packed")


def main() -> int:
    """Unpack standard input into ``data`` in the folder that the argument names, and print what was compared."""
    place = Path(sys.argv[1])
    target, manifest = place / archive.DATA, place / archive.MANIFEST
    try:
        with os.fdopen(os.dup(0), "rb") as stream:
            unpack(stream, target, manifest)
        print(json.dumps(vars(compare(target, manifest))), flush=True)
    except (Damaged, OSError) as error:
        reason = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
        print(reason, file=sys.stderr, flush=True)
        return 1
    return 0
