"""The programs at the ends of a backup's streams: restic, and parts of this program that run without rights."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from infra.agent.process import units
from infra.agent.system import install, say, sh
from infra.agent.system.layout import App
from infra.common import printable

LIMIT = 12 * 3600.0
"""Seconds that packing or unpacking an app may take, and that its repository may."""
KEPT = 20
"""Pieces of what a program prints that are kept, of 4096 bytes at most."""
SHOWN = 500
"""Characters of what a program without rights says."""
CODE = "import sys; sys.path.insert(0, {path!r}); from infra.agent.backup.{module} import main; sys.exit(main())"


def command(app: App, module: str, user: str, folder: Path, writable: tuple[Path, ...]) -> list[str]:
    """The command that runs a part of this program without rights, in the sandbox of an app's tasks.

    Args:
        app: The app.
        module: The module of this package.
        user: The user that it runs as.
        folder: Its argument.
        writable: The folders that it may write to.
    """
    sandbox = units.sandbox(app, tuple(str(path) for path in writable), LIMIT, units.OWN_TMP)
    own = {"User": user, "Group": user}
    properties = [f"{key}={own[key]}" if (key := each.partition("=")[0]) in own else each for each in sandbox]
    return [
        *("systemd-run", "--pipe", "--wait", "--collect", "--quiet", f"--unit={unit(app, module, folder)}"),
        *(f"--property={each}" for each in [*properties, "PrivateNetwork=yes", "MemoryMax=2G"]),
        *("/usr/bin/python3", "-IS", "-c", CODE.format(path=str(install.RUNNING), module=module), str(folder)),
    ]


def unit(app: App, module: str, folder: Path) -> str:
    """The unit that such a program runs in, of which there is one at a time."""
    return app.backup(f"{module}-{folder.name}")


def end(app: App, module: str, folder: Path) -> None:
    """End such a program: it runs on where this one was killed."""
    sh.run(["systemctl", "stop", unit(app, module, folder)])


@dataclass
class Program:
    """A program that runs; what it says to standard error is read as it comes, and only its end is kept.

    So is what it prints where that is nothing but messages (``silent``): restic 0.12 reports its progress many times a
    second, and would wait for somebody to read that.
    """

    process: subprocess.Popen[bytes]
    last: deque[bytes]
    reader: threading.Thread
    output: deque[bytes]
    printer: threading.Thread | None

    @property
    def out(self) -> IO[bytes]:
        """Its standard output."""
        assert self.process.stdout is not None
        return self.process.stdout

    def said(self, *, whole: bool = False) -> str:
        """The last that it said, in a line unless it is ``whole``."""
        self.reader.join(5)
        text = say.fit(b"".join(self.last).decode(errors="replace").strip())
        last = printable.one_line(" ".join(text.splitlines()[-3:]), SHOWN)
        return text if whole else last or f"status {self.process.returncode}"

    def printed(self) -> str:
        """The last that it printed, of a program that is ``silent`` and has ended."""
        assert self.printer is not None
        self.printer.join()
        return b"".join(self.output).decode(errors="replace")


@contextmanager
def running(argv: list[str], env: Mapping[str, str], *, feed: bool = False, silent: bool = False) -> Iterator[Program]:
    """Run a program as long as the block lasts; one that still runs then is ended.

    Args:
        argv: The program and its arguments.
        env: Its variables beside ours.
        feed: Whether it reads from us.
        silent: Whether what it prints is but messages, of which the end is kept.
    """
    process = subprocess.Popen(
        sh.bound(argv),
        stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **env},
        cwd="/",
        start_new_session=True,
    )
    assert process.stderr is not None
    last, output = deque[bytes](maxlen=KEPT), deque[bytes](maxlen=KEPT)
    reader = _drain(process.stderr, last)
    printer = _drain(process.stdout, output) if silent and process.stdout else None
    late = threading.Timer(LIMIT, process.kill)  # a server may take its time for ever
    late.daemon = True
    late.start()
    try:
        yield Program(process, last, reader, output, printer)
    finally:
        late.cancel()
        _end(process)


def _drain(stream: IO[bytes], last: deque[bytes]) -> threading.Thread:
    """Read a stream as it comes, and keep its last pieces."""

    def read() -> None:
        with contextlib.suppress(OSError, ValueError):  # it was closed
            while some := stream.read1(4096):  # type: ignore[attr-defined]
                last.append(some)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program, by its own means first: restic removes its lock, systemd-run stops its unit."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream:
            with contextlib.suppress(OSError):
                stream.close()
