"""What Pulumi's engine tells while it works (``pulumi up --json``, an object a line), as far as we show it. Pure.

Source: pulumi/sdk/go/common/apitype/events.go, and what CLI 3.274.1 prints.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cli import changes
from infra.common.printable import UNFIT

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Resource:
    """A resource in an event. ``name`` is its own; ``custom``: a provider makes it, so there is work to wait for."""

    urn: str
    name: str
    custom: bool


@dataclass(frozen=True)
class Started:
    """The engine begins with a resource; ``operation`` is such as create, update, delete, same."""

    resource: Resource
    operation: str
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finished:
    """The engine is done with a resource. Only for the stack itself: its ``outputs``, and those ``before``."""

    resource: Resource
    operation: str
    outputs: Mapping[str, object] = field(default_factory=dict)
    before: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """An operation on a resource failed; an error message tells why."""

    resource: Resource


@dataclass(frozen=True)
class Message:
    """Something said of a resource (``urn`` may be empty). ``passing``: progress, no part of the result."""

    urn: str
    severity: str
    text: str
    passing: bool


@dataclass(frozen=True)
class Summary:
    """The end: how many resources, by operation."""

    changes: Mapping[str, int]
    succeeded: bool


@dataclass(frozen=True)
class Line:
    """A line that is no event: what pulumi itself prints."""

    text: str


Event = Started | Finished | Failed | Message | Summary | Line


def parse(line: str) -> Event | None:
    """The event that a line of ``pulumi up --json`` holds; None for one that nobody is shown."""
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        return Line(_printable(line.rstrip())) if line.strip() else None
    try:
        return next((read(event[kind]) for kind, read in READERS.items() if kind in event), None)
    except (KeyError, TypeError, AttributeError):  # of another shape: that is no reason to break a deployment off
        return None


def _started(event: Mapping[str, Any]) -> Started:
    metadata = event["metadata"]
    changed = tuple(_printable(change) for change in changes.of_resource(metadata))
    return Started(_resource(metadata), str(metadata["op"]), changed)


def _finished(event: Mapping[str, Any]) -> Finished:
    metadata = event["metadata"]
    of_stack = metadata.get("type") == "pulumi:pulumi:Stack" and metadata.get("new")
    outputs = metadata["new"].get("outputs") or {} if of_stack else {}
    before = (metadata.get("old") or {}).get("outputs") or {} if of_stack else {}
    return Finished(_resource(metadata), str(metadata["op"]), outputs, before)


def _failed(event: Mapping[str, Any]) -> Failed:
    return Failed(_resource(event["metadata"]))


def _summary(event: Mapping[str, Any]) -> Summary:
    return Summary(event.get("resourceChanges") or {}, event.get("result") != "failed")


def _printed(event: Mapping[str, Any]) -> Line:
    return Line(_printable(str(event["message"]).rstrip()))


def _resource(metadata: Mapping[str, Any]) -> Resource:
    urn = str(metadata["urn"])
    state = metadata.get("new") or metadata.get("old") or {}
    return Resource(urn, urn.rpartition("::")[2], bool(state.get("custom")))


def _message(message: Mapping[str, Any]) -> Message | None:
    severity, _, stream = str(message.get("severity", "info")).partition("#")
    if severity == "debug":
        return None
    # "info#err": what the program or a dynamic provider printed while it was at work
    passing = bool(message.get("ephemeral")) or bool(stream)
    text = _printable(str(message.get("message", "")).strip("\n"))
    return Message(str(message.get("urn") or ""), severity, text, passing)


def _printable(text: str) -> str:
    """A text without colours and without what a terminal would obey: some of it comes from the app."""
    return "\n".join(
        UNFIT.sub("\N{REPLACEMENT CHARACTER}", COLOUR.sub("", line).expandtabs()) for line in text.split("\n")
    )


READERS: dict[str, Callable[[Mapping[str, Any]], Event | None]] = {
    "resourcePreEvent": _started,
    "resOutputsEvent": _finished,
    "resOpFailedEvent": _failed,
    "diagnosticEvent": _message,
    "summaryEvent": _summary,
    "stdoutEvent": _printed,
}
"""How each kind of event is read; nobody is shown the others."""
