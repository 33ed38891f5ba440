"""PostgreSQL's own programs at work on an app's database: they end in time, and of what they say the end is kept.

They run as the app's user, which may stop them for ever, and what a dump holds may have them print without end.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO

from infra.agent.services import sql
from infra.agent.system.failure import Failure

KEPT = 10_000
"""Bytes of its errors that are kept, the last ones."""
LARGEST = 200_000_000
"""Bytes of its output that are read into memory at most."""


class Program:
    """A program that runs, or has ended."""

    def __init__(self, argv: Sequence[str], stdin: IO[bytes] | None, env: Mapping[str, str], limit: float) -> None:
        self.code = 0
        self.late = False
        self._errors = b""
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **sql.ENV, **env},
            cwd="/",
        )
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()
        self._timer = threading.Timer(limit, self._end_late)
        self._timer.daemon = True
        self._timer.start()

    @property
    def out(self) -> IO[bytes]:
        """Its standard output."""
        assert self._process.stdout is not None
        return self._process.stdout

    def text(self) -> str:
        """All of its output, a list.

        Raises:
            Failure: It is too much.
        """
        content = self.out.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise Failure(f"The list of what is in the dump has more than {LARGEST} bytes")
        return content.decode(errors="replace")

    def last_lines(self, count: int) -> str:
        """The last lines of its errors, once it has ended; and that it took too long, if so."""
        lines = self._errors.decode(errors="replace").strip().splitlines()[-count:]
        return "\n".join([*lines, *(["it did not end in time"] if self.late else [])])

    def wait(self) -> None:
        """Wait until it has ended; ``code`` is its exit status then."""
        self.out.close()
        self.code = self._process.wait()
        self._timer.cancel()
        self._reader.join()

    def kill(self) -> None:
        """End it at once. SIGKILL ends a process that is stopped, too."""
        self._process.kill()

    def _end_late(self) -> None:
        self.late = True
        self.kill()

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            while some := stream.read1(4096):  # type: ignore[attr-defined]
                self._errors = (self._errors + some)[-KEPT:]


@contextmanager
def running(
    argv: Sequence[str],
    stdin: IO[bytes] | None = None,
    *,
    env: Mapping[str, str] | None = None,
    limit: float = sql.LONGEST,
) -> Iterator[Program]:
    """Run a program as long as the block lasts; where that fails, the program is ended.

    Args:
        argv: The program and its arguments.
        stdin: What it reads; None: nothing.
        env: Variables beside ours.
        limit: Seconds that it may take.
    """
    program = Program(argv, stdin, env or {}, limit)
    try:
        yield program
    except BaseException:
        program.kill()
        raise
    finally:
        program.wait()
