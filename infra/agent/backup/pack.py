"""Packs an app's data into a tar stream. It runs as the app's user in a sandbox, as the data is the app's own.

So whatever the app puts there, a link to /etc/shadow or a folder that becomes a link meanwhile, nothing is read that
the app could not read itself. The stream ends with a manifest of what was packed, byte by byte; databases are packed as
copies that SQLite made.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import IO

from infra.agent.backup import archive, databases

BLOCK = 1 << 20
DEEPEST = 300
"""Folders in one another; what is deeper down is left out, and said so."""
LONGEST = 300
"""Characters of the path of such a folder that are kept."""
UNREADABLE = "SQLite cannot read it, so it is packed as a file"
TOO_DEEP = "is nested too deeply, so what is in it is not packed"
SCRATCH = Path("/var/tmp")
"""On a disk: /tmp may be in memory, which has no room for a large database."""
HOLES = (
    "the files add up to more than the disk has, so some are mostly holes, and nobody reads them to their end. Remove "
    "{}, or make it as large as it has to be"
)


class TooLargeError(Exception):
    """There is more to read than the disk can have."""


class Source:
    """A file that is read to exactly its size, and hashed: it may grow or shrink while it is read."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        """Read ``size`` bytes of it."""
        self.stream, self.left = stream, size
        self.digest = hashlib.sha256()
        self.short = 0

    def read(self, count: int = 0, /) -> bytes:
        """The next bytes; zeros in place of those that are gone, as the length is promised already."""
        count = min(count, self.left)
        found = self.stream.read(count)
        self.short += count - len(found)
        found += bytes(count - len(found))
        self.left -= count
        self.digest.update(found)
        return found


class Packer:
    """Writes the stream, and the manifest beside it."""

    def __init__(self, top: Path, output: IO[bytes], scratch: Path = SCRATCH) -> None:
        """Begin with nothing written.

        Args:
            top: The folder that is packed.
            output: Where the stream goes.
            scratch: A folder on a disk, for copies of databases.
        """
        self.top, self.scratch = top, scratch
        disk = os.statvfs(top)
        self.most = disk.f_blocks * disk.f_frsize
        self.tar = tarfile.open(fileobj=output, mode="w|", format=tarfile.PAX_FORMAT, bufsize=BLOCK)  # noqa: SIM115
        self.manifest = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 - open until the end
        self.files = self.bytes = 0
        self.folders: set[Path] = set()
        self.ahead: dict[Path, bool] = {}

    def pack(self) -> None:
        """Pack everything, databases first: the file that a row names was mostly written before the row."""
        for path in databases.among(self.top):
            with contextlib.suppress(OSError):  # its turn comes again with all others
                self._ahead(path)
        self._folder(Path())
        self._note(end=True, files=self.files, bytes=self.bytes)
        info = tarfile.TarInfo(archive.MANIFEST)
        info.size, info.mode = self.manifest.tell(), 0o600
        self.manifest.seek(0)
        self.tar.addfile(info, self.manifest)
        self.tar.close()

    def _ahead(self, path: Path) -> None:
        """Pack a file and the folders that it is in, before all others."""
        for folder in [*reversed(path.parents)][1:]:
            if folder not in self.folders:
                status = os.lstat(self.top / folder)
                if not stat.S_ISDIR(status.st_mode):
                    return
                self._begin(folder, status)
        before = self.files
        copied = self._file(path)
        if self.files > before:
            self.ahead[path] = copied

    def _begin(self, folder: Path, status: os.stat_result) -> None:
        self.tar.addfile(self._info(folder, status, tarfile.DIRTYPE))
        self._note(directory=str(folder))
        self.folders.add(folder)

    def _folder(self, place: Path) -> None:
        try:
            names = sorted(os.listdir(self.top / place))  # noqa: PTH208 - names, and not paths
        except OSError as error:
            self._note(note=str(place), why=error.strerror)
            return
        copied: set[str] = set()
        for name in names:  # in this order a database comes before what SQLite keeps beside it
            if any(name.endswith(end) and name[: -len(end)] in copied for end in databases.BESIDE):
                continue
            try:
                if self._entry(place / name):
                    copied.add(name)
            except FileNotFoundError:
                continue  # it has just been removed
            except OSError as error:
                self._note(note=str(place / name), why=error.strerror)

    def _entry(self, path: Path) -> bool:
        """Pack what is at a path; says whether it was a database, and is packed as a copy."""
        status = os.lstat(self.top / path)
        if path in self.ahead:
            return self.ahead[path]
        if stat.S_ISDIR(status.st_mode):
            if path not in self.folders:
                self._begin(path, status)
            if len(path.parts) < DEEPEST:
                self._folder(path)
            else:
                self._note(note=str(path)[-LONGEST:], why=TOO_DEEP)
        elif path in self.folders:
            return False  # it was a folder a moment ago
        elif stat.S_ISLNK(status.st_mode):
            info = self._info(path, status, tarfile.SYMTYPE)
            info.linkname = str((self.top / path).readlink())
            self.tar.addfile(info)
            self._note(link=str(path), target=info.linkname)
        elif stat.S_ISREG(status.st_mode):
            return self._file(path)
        return False  # a socket, a FIFO or a device has no contents

    def _file(self, path: Path) -> bool:
        with os.fdopen(os.open(self.top / path, databases.READ), "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                return False
            if stream.read(len(databases.MAGIC)) == databases.MAGIC:
                with tempfile.NamedTemporaryFile(dir=self.scratch) as copy:
                    found = databases.copy(self.top / path, Path(copy.name))
                    if found is not None:
                        self._add(path, status, copy.file, database=found._asdict())
                        return True
                self._note(note=str(path), why=UNREADABLE)
            stream.seek(0)
            self._add(path, status, stream)
            return False

    def _add(self, path: Path, status: os.stat_result, stream: IO[bytes], **more: object) -> None:
        info = self._info(path, status, tarfile.REGTYPE)
        info.size = os.fstat(stream.fileno()).st_size
        if self.bytes + info.size > self.most:
            raise TooLargeError(HOLES.format(path))
        source = Source(stream, info.size)
        self.tar.addfile(info, source)
        changed = {"short": source.short} if source.short else {}
        self._note(file=str(path), size=info.size, sha256=source.digest.hexdigest(), **changed, **more)
        self.files += 1
        self.bytes += info.size

    def _info(self, path: Path, status: os.stat_result, kind: bytes) -> tarfile.TarInfo:
        info = tarfile.TarInfo(f"{archive.DATA}/{path}")
        info.type, info.mode, info.mtime = kind, status.st_mode & 0o777, int(status.st_mtime)
        return info

    def _note(self, **what: object) -> None:
        self.manifest.write(json.dumps(what).encode() + b"\n")


def main() -> int:
    """Pack the folder that the argument names to standard output; the reason of a failure goes to standard error."""
    top = Path(sys.argv[1])
    try:
        with os.fdopen(os.dup(1), "wb") as output:
            Packer(top, output).pack()
    except TooLargeError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    except OSError as error:
        with contextlib.suppress(OSError):
            print(f"{error.filename or top}: {error.strerror or error}", file=sys.stderr, flush=True)
        return 1
    return 0
