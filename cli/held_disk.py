"""A disk for data, or a snapshot of one, as it is listed."""

from __future__ import annotations

from dataclasses import asdict, dataclass

MACHINE = "machine"
"""The name of the machine's resource in our program."""


@dataclass(frozen=True)
class Held:
    """A disk for data, or a snapshot.

    Attributes:
        id: How it is adopted.
        what: disk or snapshot.
        state: Whether it is in use, and since when it is not.
        size: How large it is.
        stack: The stack that it is or was of, as project/stack.
        place: Where it is.
    """

    id: str
    what: str
    state: str
    size: str
    stack: str
    place: str

    def as_data(self) -> dict[str, str]:
        """For ``--json``."""
        return asdict(self)
