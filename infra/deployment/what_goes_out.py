"""What a deployment changes for the people who use the app, as lines for the preview. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from infra.app_model.build_plan import Decision
from infra.common.printable import one_line

MOST_COMMITS = 10
"""Commits that are listed; of the others only the number is said."""
MOST_DEPENDENCIES = 20
"""Dependencies that are listed."""


@dataclass(frozen=True)
class Contents:
    """What a release consists of, as far as the workstation knows it.

    Attributes:
        revision: The commit, all 40 digits; empty if nothing is deployed.
        dependencies: The locked version of each dependency by its name.
        variables: A digest of the value of each variable by its name.
        decisions: What Launchpad decided.
        notes: What a person should know about the app.
        release: The command that runs before the release; empty if there is none.
    """

    revision: str = ""
    dependencies: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    decisions: tuple[Decision, ...] = ()
    notes: tuple[str, ...] = ()
    release: str = ""

    def as_data(self) -> dict[str, Any]:
        """Plain values for the inputs of a resource."""
        return {
            **asdict(self),
            "decisions": [asdict(decision) for decision in self.decisions],
            "notes": list(self.notes),
        }

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Contents:
        """The contents from plain values; what is not known yet is left out."""
        decisions = data.get("decisions") or []
        return cls(
            revision=_text(data.get("revision")),
            dependencies=_texts(data.get("dependencies")),
            variables=_texts(data.get("variables")),
            decisions=tuple(Decision(**_texts(item)) for item in decisions if isinstance(item, Mapping)),
            notes=tuple(note for note in data.get("notes") or [] if isinstance(note, str)),
            release=_text(data.get("release")),
        )


def lines(before: Contents, after: Contents, commits: Sequence[str]) -> list[str]:
    """What goes out with a deployment; empty if nothing does.

    Args:
        before: What is deployed.
        after: What is to be deployed.
        commits: The commits between them, the newest first, one line each.
    """
    found = [
        *_commits(before, after, commits),
        *_dependencies(before.dependencies, after.dependencies),
        *_variables(before, after),
        *_decisions(before.decisions, after.decisions),
        *(f"note: {one_line(note)}" for note in after.notes if note not in before.notes),
    ]
    if found and after.release and (before.revision != after.revision or before.variables != after.variables):
        found.append(f"release: {after.release} runs before the switch")
    return found


def _commits(before: Contents, after: Contents, commits: Sequence[str]) -> list[str]:
    if not before.revision:
        return []
    if not commits:
        same = before.revision == after.revision
        return [] if same else [f"commits: from {before.revision[:12]} to {after.revision[:12]}"]
    count = "1 commit" if len(commits) == 1 else f"{len(commits)} commits"
    listed = [f"  {one_line(commit)}" for commit in commits[:MOST_COMMITS]]
    more = [f"  and {len(commits) - MOST_COMMITS} more"] if len(commits) > MOST_COMMITS else []
    return [f"{count} since {before.revision[:12]}:", *listed, *more]


def _dependencies(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    if not before or not after:
        return []  # at the first deployment, and where there is no lock, there is nothing to compare
    changes = [
        f"{name} {before[name]} -> {after[name]}"
        if name in before and name in after
        else f"{name} {after[name]} added"
        if name in after
        else f"{name} {before[name]} removed"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]
    more = [f"and {len(changes) - MOST_DEPENDENCIES} more"] if len(changes) > MOST_DEPENDENCIES else []
    return [f"dependencies: {', '.join([*changes[:MOST_DEPENDENCIES], *more])}"] if changes else []


def _variables(before: Contents, after: Contents) -> list[str]:
    if not before.revision:
        return []
    changes = [
        f"{name} added" if name not in before.variables else f"{name} removed" if name not in after.variables else name
        for name in sorted({*before.variables, *after.variables})
        if before.variables.get(name) != after.variables.get(name)
    ]
    return [f"variables that change: {', '.join(changes)}"] if changes else []


def _decisions(before: Sequence[Decision], after: Sequence[Decision]) -> list[str]:
    """The decisions that are new or differ, and those that no longer stand."""
    known, kept = set(before), {decision.subject for decision in after}
    gone = [decision for decision in before if decision.subject not in kept]
    return [
        *(decision_line(decision) for decision in after if decision not in known),
        *(f"{decision.subject}: no longer {decision.value}" for decision in gone),
    ]


def decision_line(decision: Decision) -> str:
    """One decision with its reason, and the key that decides otherwise."""
    parts = (decision.subject, decision.value, decision.reason, decision.key)
    return Decision(*(one_line(part) for part in parts)).text()  # each cut by itself, so that the key is always there


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> dict[str, str]:
    """The texts of a map; values that are not known yet are none."""
    return (
        {str(name): item for name, item in value.items() if isinstance(item, str)} if isinstance(value, Mapping) else {}
    )
