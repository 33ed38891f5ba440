"""The machine's record of deployments: one JSON object a line, only ever appended to."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .layout import App
from .printable import one_line


@dataclass(frozen=True)
class Entry:
    """One deployment. ``result`` is ok, failed or interrupted; ``seconds`` is how long it took, where that is known."""

    number: int
    release: str
    revision: str
    subject: str
    when: float
    who: str
    seconds: float | None
    result: str
    reason: str
    what: str
    switched: bool = False

    @property
    def served(self) -> bool:
        """Whether its release got requests, be it that the deployment was interrupted after the switch."""
        return self.switched or self.result == "ok"


def begin(app: App, **values: Any) -> int:
    """Record that a deployment begins; returns its number."""
    number = max((entry.number for entry in entries(app)), default=0) + 1
    _append(app, {"event": "begin", "number": number, "when": time.time(), **values})
    return number


def switch(app: App, number: int, release: str, slot: str, *, served: bool) -> None:
    """Record, at the switch itself, which release gets requests; ``served`` is False where it went back at once."""
    _append(app, {"event": "switch", "number": number, "release": release, "slot": slot, "switched": served})


def end(app: App, number: int, **values: Any) -> None:
    """Record how a deployment ended."""
    _append(app, {"event": "end", "number": number, **values})


def entries(app: App) -> list[Entry]:
    """All deployments, the oldest first."""
    try:
        return read(app.history.read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        return []


def read(text: str) -> list[Entry]:
    """The deployments in a record; a line that was cut off (the machine died while writing it) is passed over."""
    found: dict[int, dict[str, Any]] = {}
    # Not splitlines: earlier records hold U+2028 and its like as they are, which would end a line there.
    for line in text.split("\n"):
        try:
            event = json.loads(line)
            found.setdefault(int(event["number"]), {}).update(event)
        except (ValueError, KeyError, TypeError):
            continue
    return [_entry(found[number]) for number in sorted(found)]


def _entry(value: dict[str, Any]) -> Entry:
    ended = value.get("event") == "end"
    return Entry(
        number=int(value["number"]),
        release=str(value.get("release") or "-"),
        revision=str(value.get("revision", "")),
        subject=one_line(str(value.get("subject", ""))),
        when=float(value.get("when", 0)),
        who=one_line(str(value.get("who", ""))),
        seconds=float(value["seconds"]) if ended and "seconds" in value else None,
        result=str(value.get("result", "failed")) if ended else "interrupted",
        reason=one_line(str(value.get("reason", "")), 1000),
        what=str(value.get("what", "")),
        switched=bool(value.get("switched")),
    )


def table(found: Sequence[Entry], serving: str | None, running: bool = False) -> str:
    """The deployments as a table for people, the newest first; ``*`` marks what serves.

    ``running`` says that the last one is still under way.
    """
    rows = [["", "RELEASE", "REVISION", "WHEN", "WHO", "TOOK", "RESULT", "SUBJECT"]]
    marked = False
    for entry in reversed(found):
        serves = not marked and entry.served and entry.release == serving
        marked = marked or serves
        result = "under way" if running and entry is found[-1] and entry.result == "interrupted" else entry.result
        rows.append(
            [
                "*" if serves else "",
                entry.release,
                entry.revision[:12],
                datetime.fromtimestamp(entry.when).astimezone().strftime("%Y-%m-%d %H:%M:%S"),
                entry.who,
                "-" if entry.seconds is None else f"{entry.seconds:.1f}s",
                _outcome(entry, result),
                entry.subject,
            ]
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _outcome(entry: Entry, result: str) -> str:
    """How a deployment ended, in a few words: what kind of success it was, or why it was none."""
    words = f"{result} ({entry.what})" if result == "ok" else result
    return f"{words}: {entry.reason}" if entry.reason else words


def _append(app: App, event: dict[str, Any]) -> None:
    app.history.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(app.history, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(handle).st_size
        cut_off = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        os.write(handle, (("\n" if cut_off else "") + json.dumps(event) + "\n").encode())
        os.fsync(handle)
    finally:
        os.close(handle)
