"""What a control is, and the list of all: from AWS's best practices, from Checkov, and some of our own.

Each is a function over all resources of a stack that yields one finding per violation; ``ids`` are its names in the
catalogues of auditors and scanners. A rule that is in several catalogues is stated once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from policy.resources import Resource, Resources


@dataclass(frozen=True)
class Finding:
    """A violation of a control by a resource."""

    control: str
    resource: str
    message: str


@dataclass(frozen=True)
class Control:
    """A rule, identified by its first id; ``violations`` yields each offending resource and what is wrong with it."""

    ids: tuple[str, ...]
    title: str
    violations: Callable[[Resources], Iterator[tuple[Resource, str]]]

    @property
    def id(self) -> str:
        """The name that findings and waivers use."""
        return self.ids[0]


CONTROLS: list[Control] = []


def judge(resources: Resources) -> list[Finding]:
    """Every finding about a stack."""
    return [
        Finding(control.id, resource.name, message)
        for control in CONTROLS
        for resource, message in control.violations(resources)
    ]


def control(*ids: str) -> Callable[[Callable[[Resources], Iterator[tuple[Resource, str]]]], None]:
    """Register a function as a control; its docstring is the title."""

    def register(function: Callable[[Resources], Iterator[tuple[Resource, str]]]) -> None:
        CONTROLS.append(Control(ids, (function.__doc__ or "").strip(), function))

    return register
