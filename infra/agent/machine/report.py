"""What setting up the machine has done, for the one who asked."""

from __future__ import annotations

from dataclasses import dataclass, field

from infra.agent.system import say


@dataclass
class Report:
    """What changed, what this machine does not have, and what a person should know."""

    changed: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def did(self, name: str, text: str) -> None:
        """Something changed."""
        say.step(name, text)
        if name not in self.changed:
            self.changed.append(name)

    def skip(self, name: str, why: str) -> None:
        """Something does not exist on this kind of machine."""
        say.step(name, f"left out: {why}")
        self.skipped[name] = why

    def warn(self, text: str) -> None:
        """A person should know this, and the machine is set up all the same."""
        say.step("warning", text)
        self.warnings.append(text)
