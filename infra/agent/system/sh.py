"""Runs other programs."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.agent.system.failure import Failure

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL, in which a program cleans up (git removes its lock files)."""


@dataclass(frozen=True)
class Finished:
    """A finished program: its exit status (negative: the signal that ended it) and what it printed."""

    code: int
    out: str
    err: str

    @property
    def ok(self) -> bool:
        """Whether its exit status is 0."""
        return self.code == 0

    def last_lines(self, count: int = 12) -> str:
        """The last lines of its errors, or of its output if it printed no errors."""
        return "\n".join((self.err.strip() or self.out.strip()).splitlines()[-count:])


WITH_CHILDREN = ("pip",)
"""Programs that take long and do not end their children. Not apt-get: it may finish what it has begun, for a package
that is half installed is worse, and the next ``prepare`` waits for it."""
END_ALL = """trap "trap : TERM; kill -TERM 0" TERM; exec 3<&0; "$@" <&3 3<&- & exec 3<&-; wait $!
code=$?; trap : TERM; kill -TERM 0; exit $code"""
"""Runs a program in the shell's process group, and ends the group when the shell gets SIGTERM or the program ends."""


def bound(argv: Sequence[str]) -> list[str]:
    """The command that ends a program (SIGTERM) when we end, even by SIGKILL: nothing runs on without us."""
    return ["setpriv", "--pdeathsig", "TERM", "--", *argv]


def bound_with_children(argv: Sequence[str]) -> list[str]:
    """The same for a program that does not end its children when it ends, as git's transport in a fetch."""
    return bound(["/bin/sh", "-c", END_ALL, "sh", *argv])


def _bound(argv: Sequence[str]) -> list[str]:
    return bound_with_children(argv) if Path(argv[0]).name in WITH_CHILDREN else list(argv)


def run(
    argv: Sequence[str],
    *,
    feed: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
    doing: str = "",
    name: str = "",
    encoding: str = "utf-8",
) -> Finished:
    """Run a program to its end. Whatever stops us ends the program and all that it started, too.

    Args:
        argv: The program and its arguments.
        feed: What it reads from stdin; nothing by default.
        env: Variables on top of our own environment.
        cwd: The working directory; the root directory by default.
        timeout: Seconds that it may take; without a limit by default.
        doing: What it is for, such as "Adding the user shop". If set, an exit status other than 0 is a Failure.
        name: What messages call the program; by default ``doing``, or the program itself.
        encoding: How its output is decoded.

    Raises:
        Failure: The program is not on this machine, or took too long, or failed and ``doing`` is set.
    """
    called = doing or name or argv[0]
    if shutil.which(argv[0]) is None:
        raise Failure(f"{called}: the program {argv[0]} is not on this machine")
    process = subprocess.Popen(
        _bound(argv),
        stdin=subprocess.DEVNULL if feed is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **(env or {})},
        cwd=cwd or "/",
        start_new_session=True,
    )
    try:
        out, err = process.communicate(None if feed is None else os.fsencode(feed), timeout)
    except subprocess.TimeoutExpired as error:
        _end(process)
        raise Failure(f"{called}: did not end within {timeout:g} s") from error
    except BaseException:
        _end(process)
        raise
    finished = Finished(process.returncode, out.decode(encoding, "replace"), err.decode("utf-8", "replace"))
    if doing and not finished.ok:
        raise Failure(f"{doing} failed (exit status {finished.code}):\n{finished.last_lines()}")
    return finished


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and its children: they lead a process group of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        until = time.monotonic() + GRACE
        while time.monotonic() < until:
            process.poll()
            os.killpg(process.pid, 0)
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            with contextlib.suppress(OSError):
                stream.close()
