"""The disks for data that stacks have left, and how one is given to a stack: what each kind of machine answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Protocol

MACHINE = "machine"
"""The name of the machine's resource in our program."""


class HandoverError(Exception):
    """A disk cannot be had, or nobody can be asked for them; with the reason."""


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


@dataclass(frozen=True)
class Seeker:
    """The stack that asks.

    Attributes:
        clone: The folder that it is in.
        project: The project.
        stack: The stack.
        setting: A plain value of its settings by the key's name; empty where it has none.
    """

    clone: str
    project: str
    stack: str
    setting: Callable[[str], str]


class DataDisks(Protocol):
    """What a kind of machine knows of them."""

    def listed(self, seeker: Seeker) -> list[Held]:
        """What there is where the stack's machine is, or would be; raises ``HandoverError``."""

    def adopt(self, seeker: Seeker, source: str, *, abandoned: bool) -> str:
        """Give a disk, or a copy of a snapshot, to a stack; says what it has now. Raises ``HandoverError``.

        Args:
            seeker: The stack.
            source: The id.
            abandoned: Whether it may be of a clone that is gone.
        """
