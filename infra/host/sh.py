"""Runs other programs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .failure import Failure


@dataclass(frozen=True)
class Done:
    """A finished program: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def ok(self) -> bool:
        """Whether it exited 0."""
        return self.code == 0

    def last_lines(self, count: int = 12) -> str:
        """The last lines of its errors, or of its output where it printed no errors."""
        return "\n".join((self.err.strip() or self.out.strip()).splitlines()[-count:])


def run(
    argv: Sequence[str],
    *,
    feed: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
    doing: str = "",
) -> Done:
    """Run a program to its end. With ``doing`` set, an exit code other than 0 is a Failure that says so.

    ``env`` is added to our own environment. ``timeout`` is in seconds; running into it is a Failure.
    """
    try:
        done = subprocess.run(
            argv,
            input=feed,
            stdin=subprocess.DEVNULL if feed is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            env={**os.environ, **(env or {})},
            cwd=cwd or "/",
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as error:
        raise Failure(f"{doing or argv[0]}: the program {argv[0]} is not on this machine") from error
    except subprocess.TimeoutExpired as error:
        raise Failure(f"{doing or argv[0]}: no end after {timeout:g} s, given up") from error
    finished = Done(done.returncode, done.stdout, done.stderr)
    if doing and not finished.ok:
        raise Failure(f"{doing} failed (exit status {finished.code}):\n{finished.last_lines()}")
    return finished
