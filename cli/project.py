"""This clone of the project: where its state, its settings and its caches are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cli import process
from cli.failure import Failure


@dataclass(frozen=True)
class Project:
    """A clone; ``root`` is its folder."""

    root: Path

    @cached_property
    def name(self) -> str:
        """The project's name, as Pulumi.yaml says."""
        return str(load(self.root / "Pulumi.yaml").get("name") or "launchpad")

    @property
    def state(self) -> Path:
        """The clone's own backend: where Pulumi keeps stacks unless the user has named another."""
        return self.root / ".launchpad/state"

    @property
    def states(self) -> Path:
        """The folder with the states of the project's stacks in that backend."""
        return self.state / ".pulumi/stacks" / self.name

    @property
    def has_own_backend(self) -> bool:
        """Whether Pulumi keeps its stacks in the clone."""
        return os.environ.get("PULUMI_BACKEND_URL") == f"file://{self.state}"

    @property
    def passphrase(self) -> Path:
        """The file with the passphrase of the clone's own."""
        return self.root / ".launchpad/passphrase"

    @property
    def cache(self) -> Path:
        """What may be removed at any time and comes back."""
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return Path(os.environ.get("LAUNCHPAD_CACHE") or home / "launchpad")

    @property
    def has_pulumi(self) -> bool:
        """Whether Pulumi's CLI is here yet."""
        return os.access(self.root / ".launchpad/bin/pulumi", os.X_OK)

    def setup(self) -> None:
        """Bring the toolchain up to date. With everything there it only looks, without a word.

        Raises:
            Failure: It could not; it has said why.
        """
        if code := process.run([self.root / "toolchain/setup", "--quiet"]):
            raise Failure(status=code)

    def selected_stack(self) -> str:
        """The stack that a plain ``pulumi`` command works on; empty where none is selected."""
        from infra import pulumi_internals  # noqa: PLC0415 - late: not every command asks

        if self.has_own_backend and not os.environ.get("PULUMI_STACK"):
            noted = pulumi_internals.selected_stack(self.root, self.name, f"file://{self.state}")
            if noted and (self.states / f"{noted}.json").is_file():
                return noted
        return process.ask(["pulumi", "stack", "--show-name", "--non-interactive"], quiet=True).stdout.strip()

    def select_stack(self, name: str) -> None:
        """Have a plain ``pulumi`` command work on the stack.

        Raises:
            Failure: Pulumi could not, and has said why.
        """
        if code := process.run(["pulumi", "stack", "select", "--stack", name]):
            raise Failure(status=code)


def here() -> Project:
    """The clone that this file is in."""
    return Project(Path(__file__).resolve().parents[1])


def load(file: Path) -> dict[str, Any]:
    """The map that a YAML file holds; an empty one where there is no file.

    Raises:
        Failure: The file is no YAML, or holds no map.
    """
    import yaml  # noqa: PLC0415 - late, with the parser in C where there is one: 0.03 s

    if not file.is_file():
        return {}
    try:
        values = yaml.load(file.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Failure(f"{file.name} is not valid YAML: {error}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise Failure(f"{file.name} must hold a map, such as `config:` with the stack's keys below it")
    return values
