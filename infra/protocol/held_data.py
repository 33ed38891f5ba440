"""How much data an app has on its machine, and since when: the agent measures it, the workstation tells."""

from __future__ import annotations

import time
from dataclasses import dataclass

from infra.protocol import paths, values
from infra.protocol.codec import Message, value

UNITS = ("kB", "MB", "GB", "TB", "PB")
LATEST = 253402300799
"""The last second that has a date of four digits. A file's owner may give it any time."""


@dataclass(frozen=True)
class HeldData(Message):
    """The data of one app.

    Attributes:
        app: The app.
        files: How many regular files there are.
        size: Their bytes.
        oldest: When the one was changed whose change is the longest ago, in seconds since 1970; 0 without files.
        newest: The same of the last that was changed.
        complete: Whether all files were counted. Otherwise it is that much at least.
        tables: How many tables it has in its database, whose files are not among ``files``; -1: nobody knows.
        database_size: The bytes of the database, if there are tables.
    """

    app: str = value(values.app_name)
    files: int = value(values.whole(0, 2**63))
    size: int = value(values.whole(0, 2**80))
    oldest: int = value(values.whole(0, LATEST))
    newest: int = value(values.whole(0, LATEST))
    complete: bool = value(values.flag)
    tables: int = value(values.whole(-1, 2**63), 0)
    database_size: int = value(values.whole(0, 2**80), 0)

    @property
    def is_empty(self) -> bool:
        """Whether there is none for sure."""
        return self.complete and not self.files and not self.tables

    def line(self) -> str:
        """How much it is, in one line."""
        if self.tables < 0:
            return f"{self._files()}; its database does not answer"
        database = f"; {_number(self.tables, 'table')}, {size_in_words(self.database_size)} in its database"
        return f"{self._files()}{database if self.tables else ''}"

    def _files(self) -> str:
        folder = f"{paths.home(self.app)}/data"
        if not self.files:
            return f"{self.app}: {'no files' if self.complete else 'more than could be counted'} in {folder}"
        least = "" if self.complete else "at least "
        files = _number(self.files, "file")
        return f"{self.app}: {least}{files}, {size_in_words(self.size)} in {folder}, {_since(self.oldest, self.newest)}"


def size_in_words(size: int) -> str:
    """A number of bytes as people say it: 6 bytes, 1.2 kB, 3.4 GB."""
    if size < 1000:
        return _number(size, "byte")
    shown, unit = size / 1000, 0
    while shown >= 999.95 and unit < len(UNITS) - 1:
        shown, unit = shown / 1000, unit + 1
    return f"{shown:,.1f} {UNITS[unit]}"


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _since(oldest: int, newest: int) -> str:
    first, last = (time.strftime("%Y-%m-%d", time.gmtime(when)) for when in (oldest, newest))
    return f"of {first}" if first == last else f"from {first} to {last}"
