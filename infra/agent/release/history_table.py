"""The history as a table for people. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from infra.agent.release.history import DEPLOYMENT, Entry

WIDTH = 100
"""Columns of a terminal that the table fits into."""
GAP = "  "
LONGEST_WHO = 16
LONGEST_REASON = 40
"""Characters of a reason that are shown; ``releases --json`` has the whole."""
RESULT = 16
"""Columns of a result after which its row's subject begins later than the others."""
LEAST_SUBJECT = 12
"""Columns that a subject gets however long its result is."""


def table(shown: Sequence[Entry], serving: str | None, running: bool = False) -> str:
    """The deployments as a table for people, the newest first; ``*`` marks what serves.

    A deployment that built nothing has its revision for a release. ``running`` says that the last deployment is still
    under way. Commands of ``run`` may stand among them.
    """
    last = next((entry for entry in reversed(shown) if entry.kind == DEPLOYMENT), None)
    rows = [["", "RELEASE", "WHEN", "WHO", "TOOK", "RESULT", "SUBJECT"]]
    marked = False
    for entry in reversed(shown):
        serves = not marked and entry.served and entry.release == serving
        marked = marked or serves
        result = "under way" if running and entry is last and entry.result == "interrupted" else entry.result
        rows.append(
            [
                "*" if serves else "",
                entry.revision[:12] if entry.release == "-" else entry.release,
                datetime.fromtimestamp(entry.when).astimezone().strftime("%Y-%m-%d %H:%M"),
                cut(entry.who, LONGEST_WHO),
                "-" if entry.seconds is None else f"{entry.seconds:.1f}s",
                _outcome(entry, result),
                entry.subject,
            ]
        )
    *widths, result_width, _ = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    left = WIDTH - sum(widths) - len(GAP) * len(widths)
    lines = []
    for *cells, result, subject in rows:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
        lines.append(GAP.join([*padded, _end(result, subject, min(result_width, RESULT), left)]).rstrip())
    return "\n".join(lines)


def _end(result: str, subject: str, column: int, left: int) -> str:
    """A row's result and subject in ``left`` columns; the subjects begin after ``column`` if their results allow it."""
    shown = cut(result, left - len(GAP) - min(len(subject), LEAST_SUBJECT)).ljust(column)
    return shown + GAP + cut(subject, left - len(shown) - len(GAP))


def cut(text: str, width: int) -> str:
    """Text of at most so many characters, with a sign where some are left out."""
    return text if len(text) <= width else f"{text[: width - 3].rstrip()}..."


def _outcome(entry: Entry, result: str) -> str:
    """How a deployment ended, in a few words: what kind of success it was, or why it was none."""
    outcome = f"{result} ({entry.what})" if result == "ok" or entry.kind != DEPLOYMENT else result
    return f"{outcome}: {cut(entry.reason, LONGEST_REASON)}" if entry.reason else outcome
