"""A stack: its settings file, its state, its outputs."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli import output, process
from cli.failure import Failure
from cli.project import Project, load

NAMESPACE = "launchpad"
DEFAULT = "dev"
"""The stack of commands that name none."""
DEPLOYMENT = re.compile(r"::launchpad:infra:Deployment::([\w.-]+)\"")
"""The end of a deployment's URN in a state."""


@dataclass(frozen=True)
class Stack:
    """A stack of this clone's project, by name."""

    project: Project
    name: str

    @property
    def file(self) -> Path:
        """Its settings file, which may be committed."""
        return self.project.root / f"Pulumi.{self.name}.yaml"

    @property
    def state(self) -> Path:
        """Its state in the clone's own backend."""
        return self.project.states / f"{self.name}.json"

    @property
    def access(self) -> Path:
        """The folder with the files that reach its machine."""
        return self.project.root / ".launchpad" / self.name

    @property
    def text(self) -> str:
        """What its file holds; where there is none, the first line of a new one."""
        return self.file.read_text() if self.file.is_file() else f"# Stack {self.name}.\n"

    def settings(self) -> dict[str, Any]:
        """What its file says of our keys, named without the namespace.

        Raises:
            Failure: The file is no YAML, or its ``config`` is no map.
        """
        config = load(self.file).get("config") or {}
        if not isinstance(config, dict):
            raise Failure(f"{self.file.name}: config must be a map of keys and values")
        prefix = f"{NAMESPACE}:"
        return {str(key).removeprefix(prefix): value for key, value in config.items() if str(key).startswith(prefix)}

    def setting(self, key: str, default: str = "") -> str:
        """A plain value from its file. Asking pulumi for it takes half a second."""
        value = self.settings().get(key)
        return default if value is None or isinstance(value, dict | list) else str(value)

    @property
    def named_apps(self) -> list[str]:
        """The apps that its file names in the map of several; none if its keys describe one."""
        apps = self.settings().get("apps")
        return sorted(map(str, apps)) if isinstance(apps, dict) and set(apps) != {"secure"} else []

    @property
    def app(self) -> str:
        """The app's name, which its deployment has too; empty if there are several."""
        named = self.named_apps
        if len(named) > 1:
            return ""
        return named[0] if named else self.setting("app") or "app"

    def apps(self) -> list[str]:
        """The apps that are up in it, as far as the clone's own backend tells."""
        if not self.project.has_own_backend or not self.state.is_file():
            return []
        return sorted(set(DEPLOYMENT.findall(self.state.read_text(errors="replace"))))

    @property
    def machine(self) -> str:
        """The kind of its machine."""
        from infra.machines.registry import DEFAULT  # noqa: PLC0415 - late: not every command asks

        return self.setting("machine") or DEFAULT

    @property
    def is_local(self) -> bool:
        """Whether its machine runs on this computer."""
        from infra.machines.registry import is_local  # noqa: PLC0415 - late, as above

        return is_local(self.machine)

    def command(self, *words: str) -> str:
        """A command of ours for this stack, as a person types it."""
        return output.command(*words, stack=self.name)

    def pulumi(self, *words: str) -> list[str]:
        """A pulumi command for this stack."""
        return ["pulumi", *words, "--stack", self.name]

    def ensure(self) -> None:
        """Make the stack where it is not there yet.

        The stack that the user has selected stays selected, as the next plain ``pulumi config set`` is meant for it.
        Only where none is selected, the default stack is.

        Raises:
            Failure: Pulumi could not, and has said why.
        """
        if not self._is_known():
            self._make()
        if self.name == DEFAULT and not self.project.selected_stack():
            self.project.select_stack(self.name)

    def ensure_in_clone(self) -> None:
        """Make it if the backend is the clone's own, so that the next ``pulumi config set`` has a stack."""
        if self.project.has_own_backend and self.project.has_pulumi:
            self.ensure()

    def _make(self) -> None:
        done = process.ask(["pulumi", "stack", "init", "--no-select", "--stack", self.name])
        if done.stdout.strip():
            output.note(done.stdout.rstrip())
        if done.returncode:
            raise Failure(status=done.returncode)

    def _is_known(self) -> bool:
        """Whether Pulumi has the stack."""
        if self.project.has_own_backend:
            return self.state.is_file()
        return process.ask(self.pulumi("stack", "--show-name"), quiet=True).returncode == 0

    def outputs(self) -> dict[str, Any]:
        """What it outputs.

        Raises:
            Failure: It is not up.
        """
        done = process.ask(self.pulumi("stack", "output", "--json"), quiet=True)
        try:
            values = json.loads(done.stdout)
        except ValueError:
            values = {}
        if not values or not isinstance(values, dict):
            raise Failure(f"stack {self.name} is not up. Run: {self.command('up')}")
        return values

    def configure(self, *words: str) -> None:
        """Run ``pulumi config`` on it.

        Raises:
            Failure: Pulumi could not, and has said why.
        """
        if code := process.run(["pulumi", "config", *words, "--stack", self.name]):
            raise Failure(status=code)


def without_salt(text: str) -> str:
    """A settings file's text without the salt of its stack's passphrase."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("encryptionsalt:"))
