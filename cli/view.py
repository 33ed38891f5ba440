"""What a person sees of a deployment: events in, lines out, and the steps that are under way. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar

from cli import steps
from cli.events import Event, Failed, Finished, Line, Message, Started, Summary
from infra.config.key import NAMESPACE
from infra.config.stackfile import NO_LIST
from infra.deployment import data_changes

DIAL = re.compile(r"Dial \d+/\w+ failed: retrying")
NO_ANSWER = "the machine does not answer yet"
"""What stands for every ``Dial 1/inf failed: retrying`` of the plugin that connects, once for a step."""
PROGRESS = re.compile(r"\[ *\d+\.\ds\] | *\|")
"""How a line of the agent's progress begins: with its seconds, or with a bar before what a program printed."""
NOISE = re.compile(
    r"update failed|Resource monitor has terminated|an unhandled error occurred: program exited|"
    r"using pulumi-resource-\S+ from \$PATH|resource plugin \S+ is expected to have version"
)
"""What Pulumi says besides the cause, or what toolchain/setup has said already."""

ONLY_A_TEXT = re.compile(r"configuration key '(?P<key>\w+)' must be of type '(?P<type>array|object)\b")
"""What Pulumi says of a text where a list or a map has to be, before it starts the program."""
NO_MAP = "must be a map; set an item with: pulumi config set --path {key}.NAME VALUE"

LOST = "remote command exited without exit status or exit signal"
"""What the plugin says of a command whose connection was cut."""
LOST_MEANS = (
    "the connection to the machine was lost. What the machine has begun, it finishes without it: launchpad status. "
    "launchpad up goes on from there."
)


class Kind(Enum):
    """What a line is: a ``STEP`` that ended, ``PROGRESS`` of one that is under way, or a ``NOTE`` besides."""

    STEP = "step"
    PROGRESS = "progress"
    NOTE = "note"


@dataclass(frozen=True)
class Shown:
    """A line for the person."""

    kind: Kind
    text: str
    failed: bool = False


@dataclass
class Step:
    """A step under way: since when (seconds of whatever clock), and the machine's lines so far."""

    title: str
    operation: str
    since: float
    lines: list[str] = field(default_factory=list)
    broken: bool = False
    """The machine has begun to say why it fails. Pulumi repeats that at the end, so it is not shown now."""


GOES_OUT = re.compile(r"What goes out with \S+:")
"""Begins what infra/deployment/release_notes.py prints, in a block of lines that are indented."""


@dataclass
class View:
    """The deployment so far; ``feed`` it every event."""

    app: str = ""
    """The deployment that the stack's config names; empty for whatever there is."""
    shows_what_goes_out: ClassVar[bool] = False
    running: dict[str, Step] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    outputs: Mapping[str, object] = field(default_factory=dict)
    before: Mapping[str, object] = field(default_factory=dict)
    """The outputs of the update before; empty at the first."""
    ended: bool = False
    data: set[str] = field(default_factory=set)
    """The lines about data that were shown."""
    goes_out: bool = False
    """Whether the last line was of what goes out. An update says that when it has gone out: too late to be of use."""
    changed: int = 0
    """How many steps there were, besides looking."""

    def feed(self, event: Event, now: float) -> list[Shown]:
        """Take in an event; gives the lines that it adds.

        Args:
            event: What the engine tells.
            now: Seconds, of the same clock every time.
        """
        match event:
            case Started(resource, operation):
                if resource.custom and not steps.is_silent(resource.name, operation):
                    self.running[resource.urn] = Step(steps.title(resource.name, self.app), operation, now)
                return []
            case Finished(resource, operation, outputs, before):
                if outputs:
                    self.outputs, self.before = outputs, before
                return self._finished(resource.urn, operation, now)
            case Failed(resource):
                return self._failed(resource.urn, resource.name, now)
            case Message():
                return self._said(event)
            case Line(text):
                return [Shown(Kind.NOTE, explained(text))]
            case Summary():
                self.ended = True
                return []

    def _finished(self, urn: str, operation: str, now: float) -> list[Shown]:
        step = self.running.pop(urn, None)
        if step is None:
            return []
        self.changed += 1
        return [Shown(Kind.STEP, f"{step.title}: {steps.ended(operation)} ({now - step.since:.1f} s)")]

    def _failed(self, urn: str, name: str, now: float) -> list[Shown]:
        step = self.running.pop(urn, None) or Step(steps.title(name, self.app), "", now)
        self.changed += 1
        return [Shown(Kind.STEP, f"{step.title}: failed ({now - step.since:.1f} s)", failed=True)]

    def _said(self, message: Message) -> list[Shown]:
        if NOISE.match(message.text):
            return []
        if message.severity == "error":
            self._add(self.errors, self._error(message))
            return []
        if message.severity == "warning":
            self._add(self.warnings, message.text)
            return []
        if message.text.startswith(data_changes.MARK):
            return self.about_data(message.text.split("\n"))
        self.goes_out = bool(GOES_OUT.match(message.text)) or (self.goes_out and message.text.startswith(" "))
        if not message.passing:
            return [] if self.goes_out and not self.shows_what_goes_out else [Shown(Kind.NOTE, message.text)]
        return self._progress_of(message)

    def about_data(self, lines: Sequence[str]) -> list[Shown]:
        """The lines about data that were not shown before: the guard tells of a change, and so does Pulumi's plan."""
        new = [line for line in dict.fromkeys(lines) if line not in self.data]
        self.data.update(new)
        return [Shown(Kind.NOTE, line) for line in new]

    def _progress_of(self, message: Message) -> list[Shown]:
        step = self.running.get(message.urn) or (None if message.urn else self._latest())
        lines = [
            NO_ANSWER if DIAL.match(line) else line
            for line in message.text.split("\n")
            if line.strip() and not _is_result(line)
        ]
        if step is None:
            return [Shown(Kind.PROGRESS, line) for line in lines]
        return [Shown(Kind.PROGRESS, f"{step.title}: {line}") for line in lines if self._progress(step, line)]

    def _progress(self, step: Step, line: str) -> bool:
        """Note a line of the step; gives whether it is to be shown where lines stay."""
        step.broken = step.broken or line.startswith("error: ")
        if step.broken:
            return False
        if line == NO_ANSWER and line in step.lines:
            return False
        step.lines.append(line)
        return True

    def _latest(self) -> Step | None:
        return next(reversed(self.running.values()), None)

    def _error(self, message: Message) -> str:
        name = message.urn.rpartition("::")[2]
        return f"{steps.title(name, self.app)}: {cause(message.text)}" if name else message.text

    @staticmethod
    def _add(texts: list[str], text: str) -> None:
        if text and text not in texts:
            texts.append(text)

    def result(self) -> list[str]:
        """The lines for the end: warnings, then errors, each once."""
        return [f"warning: {text}" for text in self.warnings] + [f"error: {text}" for text in self.errors]


def explained(text: str) -> str:
    """What Pulumi says before it starts the program, with what to do where it says no such thing."""
    match = ONLY_A_TEXT.search(text)
    if match is None:
        return text
    how = NO_LIST if match["type"] == "array" else NO_MAP
    return f"{text}; it {how.format(key=NAMESPACE + ':' + match['key'])}"


def cause(text: str) -> str:
    """What an error of a step is about, without what was shown before: the command line and its progress."""
    lines = text.split("\n")
    marked = next((number for number, line in enumerate(lines) if line.startswith("error: ")), None)
    if marked is not None:
        return "\n".join([lines[marked].removeprefix("error: "), *lines[marked + 1 :]]).rstrip()
    head, *rest = lines
    if LOST in head:
        return LOST_MEANS
    kept = [line for line in rest if not PROGRESS.match(line)]
    return "\n".join(kept).rstrip() if any(kept) and ": running " in head else "\n".join([head, *kept]).rstrip()


def _is_result(line: str) -> bool:
    """Whether a line is what the agent reports to Pulumi, as JSON."""
    if not (line.startswith("{") and line.endswith("}")):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
