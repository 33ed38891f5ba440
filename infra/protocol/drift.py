"""What is on a machine otherwise than Launchpad last set it: the agent finds it, the workstation shows it."""

from __future__ import annotations

from dataclasses import dataclass

from infra.protocol import values
from infra.protocol.codec import Message, value

PATHS = ("file", "directory", "link")
"""The kinds that are named by a path, which says what they are."""


@dataclass(frozen=True)
class Difference(Message):
    """One difference.

    Attributes:
        kind: What it is about: file, directory, link, user, unit, package, proxy, agent, release or virtualenv.
        what: Its name or path.
        found: How it is.
        wanted: How it should be; empty where ``found`` says so already.
    """

    kind: str = value(values.text)
    what: str = value(values.text)
    found: str = value(values.text)
    wanted: str = value(values.text, "")

    def line(self) -> str:
        """The difference as a person reads it, in one line."""
        name = self.what if self.kind in PATHS else f"{self.kind} {self.what}"
        return f"{name}: {self.found}{f', should be {self.wanted}' if self.wanted else ''}"
