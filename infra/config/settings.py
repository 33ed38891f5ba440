"""Typed, validated settings of a stack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

from infra.config import readers
from infra.config.key import Keys, key
from infra.config.keys.app import AppKeys
from infra.config.keys.app_files import FileKeys
from infra.config.keys.dependencies import DependencyKeys
from infra.config.keys.network import NetworkKeys
from infra.config.keys.processes import ProcessKeys
from infra.config.keys.release import ReleaseKeys

K = TypeVar("K", bound=Keys)


@dataclass(frozen=True, kw_only=True)
class Settings(AppKeys, DependencyKeys, ProcessKeys, FileKeys, ReleaseKeys, NetworkKeys):
    """The kind of machine that the app runs on. Each kind has additional keys of its own."""

    title: ClassVar[str] = "The machine"

    machine: str = key(
        readers.text,
        default="embedded",
        description="Kind of machine.",
        also=("kind", "machine_kind", "provider", "target"),
    )
    of_machine: Keys = field(default_factory=Keys)
    """The keys of the stack's own kind of machine; ``of`` returns them typed."""

    def of(self, keys: type[K]) -> K:
        """The keys of one kind of machine.

        Args:
            keys: The class that declares them, such as ``Ec2Keys``.

        Raises:
            TypeError: The stack's machine is of another kind.
        """
        if not isinstance(self.of_machine, keys):
            raise TypeError(f"a stack with machine {self.machine} has no {keys.__name__}")
        return self.of_machine
