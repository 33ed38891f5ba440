"""Asks before something is overwritten."""

from __future__ import annotations

import sys

import typer

from cli.failure import Failure


def overwriting(question: str, *, sure: bool, done: str) -> None:
    """Have somebody at a terminal say yes.

    Args:
        question: What is asked.
        sure: Whether nobody is asked.
        done: What has not happened to anything where the answer is no, such as "restored".

    Raises:
        Failure: The answer is no, or nobody is there to give one.
    """
    if sure:
        return
    if not sys.stdin.isatty():
        raise Failure("nobody is here to confirm that data is overwritten; --yes does")
    if not typer.confirm(question, default=False, err=True):
        raise Failure(f"nothing was {done}")
