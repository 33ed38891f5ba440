"""The app's database from the workstation: a shell in it, a dump to a file here, and a load of such a file."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from pathlib import Path

from cli import confirm, init, output, process, remote
from cli.failure import Failure
from cli.stack import Stack

MAGIC = b"PGDMP"
"""What a dump in PostgreSQL's custom form begins with. Source: its src/bin/pg_dump/pg_backup_archiver.c."""


INTERRUPTED = (
    "interrupted: the machine ends what it has begun. The database is then the former one or the dump, as a whole: {}"
)


def typed(file: Path) -> Path:
    """A file as it was typed: relative to the folder where that was."""
    return init.typed_in() / file


def dump(stack: Stack, app: str, file: Path) -> None:
    """Write a dump of the app's database to a file, which is there completely or not at all.

    Args:
        stack: The stack.
        app: The app; empty for the only one.
        file: The file. Nobody else can read it.

    Raises:
        Failure: There is something already, or the dump is not complete.
    """
    if file.exists():
        raise Failure(f"{file} is there already. Choose another name, or remove it")
    if not file.parent.is_dir():
        raise Failure(f"{file.parent} is no folder")
    words = remote.login(stack, app).agent("database", "dump")
    # mkstemp has it for us alone from the first moment on.
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    temporary = Path(name)
    try:
        code = process.run(words, stdout=handle)
        if code:
            raise Failure(status=code)
        os.fsync(handle)
        temporary.rename(file)
    finally:
        os.close(handle)
        temporary.unlink(missing_ok=True)
    output.note(f"{file}: {file.stat().st_size} bytes. To load it: {stack.command('db', 'load', str(file))}")


def load(stack: Stack, app: str, file: Path, *, sure: bool, keep: bool = False) -> None:
    """Put a dump in the place of the app's database, after a question.

    Args:
        stack: The stack.
        app: The app; empty for the only one.
        file: The dump.
        sure: Whether nothing is asked.
        keep: Whether the app keeps the dump although it is not healthy with it.

    Raises:
        Failure: It is no dump, or the answer is no, or it could not be loaded: the database is as before.
    """
    login = remote.login(stack, app)
    with contextlib.ExitStack() as closing:
        try:
            # Not buffered: ssh reads on where the file itself stands.
            stream = closing.enter_context(file.open("rb", buffering=0))
            begins = stream.read(len(MAGIC))
        except OSError as error:
            raise Failure(f"{file} cannot be read: {error.strerror}") from None
        if begins != MAGIC:
            raise Failure(f"{file} is no dump in PostgreSQL's custom form: pg_dump --format=custom makes one")
        stream.seek(0)
        question = f"Replace everything in the database of {login.app} (stack {stack.name}) by {file}?"
        confirm.overwriting(question, sure=sure, done="changed")
        options = ["--size", str(file.stat().st_size), *(["--keep"] if keep else [])]
        words = login.agent("database", "load", "--who", remote.who(), *options)
        with process.interrupts() as pressed, subprocess.Popen(words, stdin=stream) as child:
            code = process.status(child.wait())
    if pressed.count and code:
        output.note(f"launchpad: {INTERRUPTED.format(stack.command('status'))}")
    if code:
        raise Failure(status=code)
