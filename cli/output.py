"""What the command says: notes on standard error, data on standard output."""

from __future__ import annotations

import json
import os
import shlex
import sys


def note(text: str) -> None:
    """Tell the person something that is no data."""
    print(text, file=sys.stderr, flush=True)


def data(value: object) -> None:
    """Print a result as JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False), flush=True)


def command(*words: str, stack: str = "dev") -> str:
    """A command of ours as the person can type it here, for messages.

    Without ``source toolchain/activate`` the command is not on PATH: then it is named by its path.
    """
    name = os.environ.get("LAUNCHPAD_COMMAND") or "launchpad"
    return f"{name} {shlex.join(words)}{'' if stack == 'dev' else f' -s {shlex.quote(stack)}'}"
