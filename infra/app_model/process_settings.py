"""What the settings say about processes, apart from what their commands are found in."""

from __future__ import annotations

from collections.abc import Mapping

from infra.protocol.app_settings import Process
from infra.protocol.specs import DeploySpec


def settings(spec: DeploySpec, name: str) -> Process:
    """What the settings say about a process."""
    return next((process for process in spec.processes if process.name == name), Process(name))


def memory_of_others(spec: DeploySpec, commands: Mapping[str, str]) -> int:
    """The bytes that the processes other than web may take together, as far as they are limited.

    Args:
        spec: The settings.
        commands: The command of each process by its name.
    """
    others = [settings(spec, name) for name in commands if name not in ("web", "release")]
    return sum(process.memory * process.count for process in others)
