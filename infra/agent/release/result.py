"""What a deployment reports to the workstation, as JSON."""

from __future__ import annotations

from typing import TypedDict

from infra.agent.build.inventory import Built
from infra.agent.system import say


class _Always(TypedDict):
    """What each report has; ``NotRequired`` is not in Python 3.10."""

    release: str
    revision: str
    subject: str
    slot: str
    changed: bool
    built: bool
    seconds: float


class Result(_Always, total=False):
    """What a deployment reports to the workstation.

    ``changed``: it did anything. ``built``: it built the release. ``seconds``: since the program started. ``warnings``:
    what a person should know, if there is anything.
    """

    warnings: list[str]


def result(built: Built, slot: str, warnings: list[str], *, changed: bool, fresh: bool) -> Result:
    """The result of a deployment.

    Args:
        built: The release that serves.
        slot: The slot that it serves from.
        warnings: What a person should know.
        changed: Whether anything was done.
        fresh: Whether the release was built by this deployment.
    """
    report = Result(
        release=built.release,
        revision=built.revision,
        subject=built.subject,
        slot=slot,
        changed=changed,
        built=fresh,
        seconds=round(say.seconds(), 2),
    )
    if warnings:
        report["warnings"] = warnings
    return report
