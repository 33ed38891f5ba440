"""The program's voice: progress to stderr line by line, one JSON object to stdout, no secrets in either."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import Any, TextIO

from .redact import Redactor

redactor = Redactor()
_started = time.monotonic()


def seconds() -> float:
    """Seconds since the program started."""
    return time.monotonic() - _started


def step(name: str, text: str) -> None:
    """One line of progress: ``[  3.2s] build: installing dependencies``."""
    _write(sys.stderr, f"[{seconds():5.1f}s] {name}: {redactor.clean(text)}\n")


def detail(text: str) -> None:
    """One line of a child's output, indented below its step."""
    line(f"         | {text}")


def line(text: str) -> None:
    """One plain line to stderr."""
    _write(sys.stderr, redactor.clean(text) + "\n")


def result(value: Any, indent: int | None = None) -> None:
    """The machine-readable result: one JSON value on stdout.

    Secrets are taken out of its texts before it is written as JSON: masked JSON might be none any more.
    """
    plain(json.dumps(redactor.clean_leaves(value), indent=indent, ensure_ascii=False))


def plain(value: str) -> None:
    """Text on stdout whose parts have been cleaned already."""
    _write(sys.stdout, value + "\n")


def text(value: str) -> None:
    """Text for people on stdout."""
    _write(sys.stdout, redactor.clean(value) + "\n")


def _write(stream: TextIO, value: str) -> None:
    # The reader may be gone (a lost SSH connection): a deployment goes on to its end all the same.
    with contextlib.suppress(OSError, ValueError):
        # Half a character (from a file name, say) cannot be encoded; as an escape it does not cost the whole line.
        stream.write(value.encode(errors="backslashreplace").decode())
        stream.flush()
