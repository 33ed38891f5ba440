"""Errors that a person can do something about."""

from __future__ import annotations


class Failure(Exception):
    """What went wrong, where, and what to do: printed as it is, without a traceback; the program then exits 1."""


class Interrupted(Failure):
    """Somebody asked the program to stop (SIGINT or SIGTERM) while nothing had been switched yet."""
