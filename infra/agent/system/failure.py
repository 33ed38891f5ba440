"""Errors that a person can do something about."""

from __future__ import annotations


class Failure(Exception):
    """What went wrong, where, and what to do: printed as it is, without a traceback; the program then exits 1.

    Attributes:
        reason: The cause in one line, for the history.
    """

    def __init__(self, text: str, reason: str = "") -> None:
        """Make a failure.

        Args:
            text: What a person reads.
            reason: The cause; by default the first line of the text.
        """
        super().__init__(text)
        self.reason = (reason or text).split("\n", 1)[0]


class Interrupted(Failure):
    """Somebody asked the program to stop (SIGINT or SIGTERM) before the switch."""
