"""SQLite databases among an app's files: copied by SQLite's own backup, checked, and counted. Runs without rights.

The file is the app's, and may be made to crash or to occupy SQLite: each is opened in a child process with limits.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""How a file of the app's is opened, which may be a link or a FIFO by now."""
MAGIC = b"SQLite format 3\0"
"""How each database begins. Source: sqlite.org/fileformat.html, 1.3."""
SMALLEST_PAGE = 512
"""The size of each is a multiple of this many bytes. Source: sqlite.org/fileformat.html, 1.2."""
BESIDE = ("-wal", "-shm", "-journal")
"""The ends of the names of what SQLite keeps beside a database; none of it is needed beside a copy."""
SECONDS = 3600
"""Seconds that a database may take."""
MEMORY = 1_000_000_000
"""Bytes of memory that SQLite may have for it, beside what the program has."""
BUSY = 60.0
"""Seconds to wait for others that write to it."""
LONGEST_ANSWER = 5_000_000


class Counts(NamedTuple):
    """What is in a database: what is wrong with it (empty: nothing), and the rows of each table."""

    wrong: str
    tables: dict[str, int]


def among(top: Path) -> Iterator[Path]:
    """The databases in a folder and below, without it in their paths; of other files few are opened."""
    for folder, below, names in os.walk(top):
        below.sort()
        for name in sorted(names):
            with contextlib.suppress(OSError):
                path = Path(folder, name)
                status = path.lstat()
                if not stat.S_ISREG(status.st_mode) or not status.st_size or status.st_size % SMALLEST_PAGE:
                    continue
                with os.fdopen(os.open(path, READ), "rb") as stream:
                    if stream.read(len(MAGIC)) == MAGIC:
                        yield path.relative_to(top)


def copy(source: Path, target: Path) -> Counts | None:
    """Copy a database as it is at one moment, whatever is being written to it.

    Args:
        source: The database.
        target: An empty file.

    Returns:
        What is in the copy; None if SQLite cannot read it, and it has to be copied as a file.
    """
    return _child(lambda: _copy(source, target))


def count(path: Path) -> Counts | None:
    """What is in a database that nobody writes to; None if SQLite cannot read it."""
    return _child(lambda: _count(path))


def _copy(source: Path, target: Path) -> Counts:
    # Nothing of the app's is changed, but what one that was killed has half written is taken back, as by every program.
    mode = "rw" if os.path.lexists(f"{source}-journal") else "ro"
    with (
        contextlib.closing(sqlite3.connect(f"{source.as_uri()}?mode={mode}", uri=True, timeout=BUSY)) as ours,
        contextlib.closing(sqlite3.connect(target, timeout=BUSY)) as copied,
    ):
        ours.execute("PRAGMA trusted_schema=OFF")
        ours.backup(copied)  # in one step: others that read, and in WAL mode those that write, go on meanwhile
    try:
        return _count(target)
    except sqlite3.Error as error:
        return Counts(str(error), {})


def _count(path: Path) -> Counts:
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as opened:
        opened.execute("PRAGMA trusted_schema=OFF")
        opened.execute("PRAGMA cell_size_check=ON")
        found = [str(row[0]) for row in opened.execute("PRAGMA integrity_check(3)")]
        if found != ["ok"]:
            return Counts("; ".join(found)[:300], {})
        listed = opened.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
        )
        tables = {}
        for (name,) in listed.fetchall():
            quoted = str(name).replace('"', '""')
            tables[str(name)] = int(opened.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()[0])
        return Counts("", tables)


def _child(work: Callable[[], Counts]) -> Counts | None:
    """Do the work in a child process with limits; None if it failed in any way."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        _work(work, reader, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        answer = stream.read(LONGEST_ANSWER)
    _, status = os.waitpid(child, 0)
    try:
        if status:
            return None
        wrong, tables = json.loads(answer)
    except ValueError:
        return None
    return Counts(str(wrong), {str(name): int(rows) for name, rows in tables.items()})


def _work(work: Callable[[], Counts], reader: int, writer: int) -> None:
    code = 1
    try:
        os.close(reader)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(SECONDS)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))
        answer = json.dumps(work()).encode()
        while answer:
            answer = answer[os.write(writer, answer) :]
        code = 0
    except (sqlite3.Error, MemoryError, OSError, ValueError):
        code = 1
    finally:
        os._exit(code)
