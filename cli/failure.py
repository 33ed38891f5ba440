"""The failure of a command: a message for the user, and an exit status."""

from __future__ import annotations


class Failure(Exception):
    """Ends the command with ``launchpad: MESSAGE``; an empty message where another program has said it already."""

    def __init__(self, message: str = "", status: int = 1) -> None:
        super().__init__(message)
        self.status = status
