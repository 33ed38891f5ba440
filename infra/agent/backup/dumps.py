"""The app's database in a backup: dumped into it, loaded into a scratch database to prove it, and put back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from infra.agent.release import verify
from infra.agent.services import postgres, postgres_dump
from infra.agent.system import space
from infra.agent.system.layout import App

SPOOL = Path("/var/tmp")
BLOCK = 1 << 20


@contextmanager
def spooled() -> Iterator[IO[bytes]]:
    """A file without a name for a dump."""
    with tempfile.TemporaryFile(dir=SPOOL) as file:
        yield file


@contextmanager
def taken(app: App) -> Iterator[IO[bytes] | None]:
    """A dump of the app's database; None if it has none.

    Raises:
        Failure: It cannot be dumped.
    """
    if not postgres.has_database(app):
        yield None
        return
    with spooled() as file:
        write(app, file)
        yield file


def write(app: App, file: IO[bytes]) -> None:
    """Dump the app's database into a file."""
    with postgres_dump.dump(app) as stream:
        while some := stream.read(BLOCK):
            space.leave_some(file)
            file.write(some)


def prove(app: App, file: IO[bytes]) -> int:
    """Load a dump into a scratch database; gives the number of its tables.

    Raises:
        Failure: It cannot be loaded.
    """
    return postgres_dump.prove(app, file, extensions(app), size(file))


def load(app: App, file: IO[bytes]) -> None:
    """Put a dump in the place of the app's database. Only for the holder of the app's lock."""
    postgres_dump.load(app, file, extensions(app), size(file))


def size(file: IO[bytes]) -> int:
    """The bytes of a dump, which is read from its beginning then."""
    count = file.seek(0, 2)
    file.seek(0)
    return count


def extensions(app: App) -> tuple[str, ...]:
    """The extensions that the app's database has to have."""
    spec = verify.preparation(app)
    return spec.database.extensions if spec else ()
