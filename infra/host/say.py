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
    line(f"[{seconds():5.1f}s] {name}: {text}")


def detail(text: str) -> None:
    """One line of a child's output, indented below its step."""
    line(f"         | {text}")


def line(text: str) -> None:
    """One plain line to stderr."""
    _write(sys.stderr, redactor.clean(text) + "\n")


def result(value: dict[str, Any]) -> None:
    """The machine-readable result: one JSON object on stdout."""
    _write(sys.stdout, redactor.clean(json.dumps(value, ensure_ascii=False)) + "\n")


def text(value: str) -> None:
    """Text for people on stdout."""
    _write(sys.stdout, redactor.clean(value) + "\n")


def _write(stream: TextIO, value: str) -> None:
    # The reader may be gone (a lost SSH connection): a deployment goes on to its end all the same.
    with contextlib.suppress(OSError, ValueError):
        stream.write(value)
        stream.flush()
