"""Typed, validated settings of a stack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

from infra.config import readers
from infra.config.key import Keys, key
from infra.config.keys.app import AppKeys
from infra.config.keys.app_files import FileKeys
from infra.config.keys.apps import AppsKeys
from infra.config.keys.backup import BackupKeys
from infra.config.keys.cache import CacheKeys
from infra.config.keys.data import DataKeys
from infra.config.keys.database import DatabaseKeys
from infra.config.keys.dependencies import DependencyKeys
from infra.config.keys.firewall import FirewallKeys
from infra.config.keys.network import NetworkKeys
from infra.config.keys.processes import ProcessKeys
from infra.config.keys.release import ReleaseKeys
from infra.config.keys.system import SystemKeys

K = TypeVar("K", bound=Keys)


@dataclass(frozen=True, kw_only=True)
class AppSettings(AppKeys, DependencyKeys, ProcessKeys, FileKeys, DatabaseKeys, CacheKeys, ReleaseKeys, NetworkKeys):
    """The settings of one app: what each app of a stack may set for itself. All other keys are the machine's."""


@dataclass(frozen=True, kw_only=True)
class Settings(AppSettings, FirewallKeys, SystemKeys, DataKeys, AppsKeys):
    """The kind of machine that the app runs on. Each kind has additional keys of its own."""

    title: ClassVar[str] = "The machine"

    machine: str = key(
        readers.text,
        default="embedded",
        description="Kind of machine.",
        also=("kind", "machine_kind", "provider", "target"),
    )
    backup: BackupKeys = field(default_factory=BackupKeys)
    """The keys of the map ``backup``."""

    of_machine: Keys = field(default_factory=Keys)
    """The keys of the stack's own kind of machine; ``of`` returns them typed."""

    of_apps: tuple[AppSettings, ...] = ()
    """The settings of each app of ``apps``, with the stack's where it has none of its own."""

    @property
    def each_app(self) -> tuple[AppSettings, ...]:
        """The settings of every app of the stack: those of ``apps``, or the one that the stack's own keys describe."""
        return self.of_apps or (self,)

    @property
    def public_ports(self) -> tuple[int, ...]:
        """The ports that visitors of any of the apps connect to."""
        return tuple(dict.fromkeys(port for app in self.each_app for port in app.web_ports))

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
