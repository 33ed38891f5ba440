"""What an up would change: the engine's plan, a line for each resource. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from cli import changes, steps
from cli.events import Event, Finished, Started
from cli.view import Kind, Shown, View
from infra.deployment import data_changes

WORDS = {
    "create": "create",
    "update": "update",
    "delete": "remove",
    "replace": "replace",
    "read": "read",
    "import": "import",
}
"""The engine's operations that are told of. A replacement's two parts are told of as one."""


@dataclass
class DataPreview(View):
    """A plan of which only the lines about data are shown, and why it fails."""

    def feed(self, event: Event, now: float) -> list[Shown]:
        """Take in an event; gives the lines that it adds."""
        return [each for each in super().feed(event, now) if each.text.startswith(data_changes.MARK)]


@dataclass
class Preview(View):
    """The plan so far; ``feed`` it every event."""

    shows_what_goes_out: ClassVar[bool] = True
    counts: dict[str, int] = field(default_factory=dict)
    unchanged: int = 0

    def feed(self, event: Event, now: float) -> list[Shown]:
        """Take in an event; gives the lines that it adds."""
        match event:
            case Started(resource, operation, changed):
                if not resource.custom:
                    return []
                self.unchanged += operation == "same"
                if not (word := WORDS.get(operation)):
                    return []
                self.counts[word] = self.counts.get(word, 0) + 1
                title = steps.title(resource.name, self.app)
                if steps.removed_app(resource.name):  # about data a line of its own, which the guard may have said
                    return [Shown(Kind.STEP, f"{title}: {word}"), *self.about_data(changed)]
                details = f" ({', '.join(changed)})" if changed and word in ("update", "replace") else ""
                return [Shown(Kind.STEP, f"{title}: {word}{details}")]
            case Finished(_, _, outputs, before):
                if outputs:
                    self.outputs, self.before = outputs, before
                return []
            case _:
                return super().feed(event, now)

    def summary(self) -> list[str]:
        """The outputs that change, and how much changes at all."""
        lines = [f"output {line}" for line in changes.of_outputs(self.before, self.outputs)]
        if not self.counts and not lines:
            return ["nothing to change"]
        counts = [f"{count} to {word}" for word, count in self.counts.items()]
        return [*lines, ", ".join([*counts, f"{self.unchanged} unchanged"])]
