"""What the doctor finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """The state of a finding: fine, a warning, or a problem that makes ``up`` fail."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what, how it is, and what to do where it is not well."""

    about: str
    state: State
    text: str


def ok(about: str, text: str) -> Finding:
    """A finding without a problem."""
    return Finding(about, State.OK, text)


def warning(about: str, text: str) -> Finding:
    """A finding that does not prevent ``up``."""
    return Finding(about, State.WARNING, text)


def problem(about: str, text: str) -> Finding:
    """A finding that makes ``up`` fail."""
    return Finding(about, State.PROBLEM, text)
