"""Says why a release did not come up. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from infra.agent.release import excerpt

LEAST_LINES = 5
"""Lines of the log that are shown however long the reason is."""


@dataclass(frozen=True)
class Attempt:
    """A release that did not come up, as far as a person wants to know.

    Attributes:
        release: The release.
        serving: The release that is still serving; empty if none is.
        unit: The unit of its web process.
        state: That unit's state, in words.
        log: What the process wrote, line by line.
        root: The app's own directory in the release.
        alive: Whether the process still runs.
        back: What became of ``serving`` that had been stopped for it; empty if it had not.
        remedy: What to do, in one line; empty if that is not known.
    """

    release: str
    serving: str
    unit: str
    state: str
    log: Sequence[str]
    root: str
    alive: bool
    back: str = ""
    remedy: str = ""


def failed(attempt: Attempt, reason: str) -> str:
    """The report on a release that did not come up: what serves now, the log, and the cause last.

    Args:
        attempt: The release.
        reason: Why it did not come up, which may have several lines.
    """
    why = reason if attempt.alive else f"{reason}{excerpt.cause(attempt.log)}"
    why = "\n".join(filter(None, [why, attempt.remedy]))
    most = max(LEAST_LINES, excerpt.SHOWN_LINES - why.count("\n"))
    return "\n".join(
        [
            f"Release {attempt.release} was not {_missed(attempt)}; {_serving(attempt)}.",
            f"Last lines of the log of {attempt.unit} ({attempt.state}):",
            excerpt.excerpt(attempt.log, attempt.root, most),
            why,
        ]
    )


def _missed(attempt: Attempt) -> str:
    return "restarted" if attempt.serving == attempt.release else "switched to"


def _serving(attempt: Attempt) -> str:
    if not attempt.serving:
        return "no release is serving"
    return f"{attempt.serving} {attempt.back or 'is still serving'}"


def undrained(requests: int | None, timeout: float) -> str:
    """Which requests to the old release are still under way after the drain timeout; empty if none are.

    Args:
        requests: How many are under way; None if the proxy did not answer.
        timeout: The drain timeout, in seconds.
    """
    if requests is None:
        return f"could not ask the proxy which requests are under way (tried for {timeout:g} s)"
    return f"{requests} requests to the old release are still under way after {timeout:g} s" if requests else ""
