"""Streams between an app's data and restic: programs without rights at one end, restic at the other, root between them.

Root copies bytes and looks at none of them but those that it wrote itself (see ``archive``).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from infra.agent.backup import archive, programs, restic
from infra.agent.backup.records import Places
from infra.agent.backup.restic import Snapshot
from infra.agent.system import say
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.common import printable
from infra.protocol.backups import BackupSpec

BLOCK = 1 << 20
LARGEST_REPORT = 1_000_000
SHOWN = 500
"""Characters of what a program without rights says."""


@dataclass(frozen=True)
class Unpacked:
    """What was compared when a snapshot was unpacked (see ``unpack.Compared``)."""

    files: int
    size: int
    rows: int
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    about: Mapping[str, object]
    kept: Mapping[str, bytes] = field(repr=False)

    @property
    def has_database(self) -> bool:
        """Whether a dump of the app's database is in it."""
        return "database" in self.about


@dataclass(frozen=True)
class Target:
    """Where a snapshot goes.

    Attributes:
        user: Whose the files become.
        place: A folder of that user's, with an empty folder ``data`` in it.
        dump: Where the dump of the database goes; None: nowhere.
    """

    user: str
    place: Path
    dump: IO[bytes] | None = None


@dataclass(frozen=True)
class Kept:
    """What root puts into a snapshot: what is known of it, files about the app, the dump of its database."""

    about: Mapping[str, object]
    files: Mapping[str, bytes] = field(repr=False)
    dump: IO[bytes] | None = None

    def write(self, target: IO[bytes]) -> None:
        """Write it."""
        if self.dump is None:
            target.write(archive.head(self.about, self.files))
            return
        self.dump.seek(0)
        digest, size = hashlib.sha256(), 0
        while some := self.dump.read(BLOCK):
            digest.update(some)
            size += len(some)
        self.dump.seek(0)
        about = {**self.about, "database": {"size": size, "sha256": digest.hexdigest()}}
        target.write(archive.head(about, self.files) + archive.member_head(archive.DUMP, size))
        _copy(self.dump, target)
        target.write(archive.padding(size))


def save(app: App, spec: BackupSpec, places: Places, kept: Kept) -> str:
    """Take a snapshot of an app; gives its id.

    Raises:
        Failure: The data cannot be packed, or the repository cannot be used. There is no new snapshot then.
    """
    programs.end(app, "pack", app.data)
    saver = restic.backup(spec, places, app.name)
    with programs.running(saver, restic.environment(spec), feed=True, silent=True) as saving:
        assert saving.process.stdin is not None
        argv = programs.command(app, "pack", app.user, app.data, (app.data,))
        with programs.running(argv, {}) as packing, _stopped_unless_complete(saving) as complete:
            broken = False
            try:
                kept.write(saving.process.stdin)
                _copy(packing.out, saving.process.stdin)
            except BrokenPipeError:
                broken = True
            if broken:
                packing.process.terminate()
            elif packing.process.wait():
                raise Failure(f"The data of {app.name} cannot be packed: {packing.said()}")
            complete.set()
            with contextlib.suppress(BrokenPipeError):
                saving.process.stdin.close()
            if saving.process.wait():
                raise Failure(restic.why(spec, places, saving.said(whole=True)))
            printed = saving.printed()
    if not (snapshot := restic.saved(printed)):
        raise Failure(f"restic has not said which snapshot of {app.name} it has taken: {printed[:SHOWN]}")
    return snapshot


def load(app: App, spec: BackupSpec, places: Places, snapshot: Snapshot, target: Target) -> Unpacked:
    """Unpack a snapshot, and compare what is on the disk then with its manifest.

    Args:
        app: The app whose sandbox it happens in.
        spec: Where the repository is.
        places: Where its keys are.
        snapshot: The snapshot.
        target: Where to.

    Raises:
        Failure: The snapshot cannot be read or unpacked.
    """
    user, place = target.user, target.place
    programs.end(app, "unpack", place)
    with programs.running(restic.dump(spec, places, snapshot), restic.environment(spec)) as reading:
        try:
            about, kept = archive.read_head(reading.out)
            archive.copy_dump(reading.out, about, target.dump)
        except Failure:
            if reading.process.wait():
                raise Failure(restic.why(spec, places, reading.said(whole=True))) from None
            raise
        with programs.running(programs.command(app, "unpack", user, place, (place,)), {}, feed=True) as unpacking:
            assert unpacking.process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                _copy(reading.out, unpacking.process.stdin)
                unpacking.process.stdin.close()
            report = unpacking.out.read(LARGEST_REPORT)
            if unpacking.process.wait():
                code = reading.process.poll()
                if code and code > 0:
                    raise Failure(restic.why(spec, places, reading.said(whole=True)))
                raise Failure(f"Snapshot {snapshot.id} cannot be unpacked: {unpacking.said()}")
        if reading.process.wait():
            raise Failure(restic.why(spec, places, reading.said(whole=True)))
    return _report(report, about, kept)


def _report(text: bytes, about: Mapping[str, object], kept: Mapping[str, bytes]) -> Unpacked:
    """What the program without rights reports; nothing in it is more than a number or a short text."""
    try:
        found = json.loads(text)
        problems, notes = (
            tuple(printable.one_line(say.redactor.clean(str(each)), SHOWN) for each in found[name])
            for name in ("problems", "notes")
        )
        files, size, rows = (int(found[name]) for name in ("files", "bytes", "rows"))
    except (ValueError, KeyError, TypeError) as error:
        raise Failure("The program that compares a snapshot with its manifest has not ended well.") from error
    return Unpacked(files, size, rows, problems, notes, about, kept)


@contextmanager
def _stopped_unless_complete(saving: programs.Program) -> Iterator[threading.Event]:
    """Interrupt restic unless all has been sent: the end of its input would otherwise be the end of the snapshot."""
    complete = threading.Event()
    try:
        yield complete
    finally:
        if not complete.is_set():
            saving.process.send_signal(signal.SIGINT)
            try:
                saving.process.wait(20)
            except subprocess.TimeoutExpired:
                saving.process.kill()
                saving.process.wait()


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    while some := source.read(BLOCK):
        target.write(some)
    target.flush()
