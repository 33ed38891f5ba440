"""What of a process's log a person needs to see: its last lines, the app's own frames, the exception that ended it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from infra.common.printable import bare

SHOWN_LINES = 12
"""Lines of a log that are shown."""
SHOWN_WIDTH = 300
"""Characters of each of them."""
FRAME = re.compile(r'  File "(.*)", line \d+, in ')
SERVERS = re.compile(r"(gunicorn\.errors\.)?HaltServer|SystemExit|KeyboardInterrupt")
EXCEPTION = re.compile(r"(\w+\.)*\w*(Error|Exception|Exit|Interrupt|Fault)\b.*")


def excerpt(lines: Sequence[str], root: str = "", most: int = SHOWN_LINES) -> str:
    """The last lines of a log, after the exceptions in what is left out: servers add tracebacks of their own.

    Args:
        lines: The log.
        root: The app's own directory; of tracebacks only the frames in it are kept. Empty keeps all frames.
        most: How many lines are shown at most.
    """
    plain = [bare(line) for line in lines]
    kept = _own_frames(plain, root) if root else plain
    shown = kept[-most:]
    causes = [line.strip() for line in kept[:-most] if EXCEPTION.fullmatch(line.strip())]
    if causes:
        head = [*list(dict.fromkeys(causes))[-2:], "[...]"]
        shown = [*head, *shown[len(head) :]]
    return "\n".join(f"  {line[:SHOWN_WIDTH]}" for line in shown) or "  (nothing)"


def _own_frames(lines: Sequence[str], root: str) -> list[str]:
    """A log without the frames of tracebacks that are outside ``root`` or in a virtualenv."""
    kept: list[str] = []
    foreign = False
    for line in lines:
        if frame := FRAME.match(line):
            foreign = not frame[1].startswith(f"{root}/") or "/site-packages/" in frame[1]
        elif not line.startswith("    "):
            foreign = False
        if not foreign and line.strip() not in ("", "Traceback (most recent call last):"):
            kept.append(line)
    return kept


def cause(lines: Sequence[str]) -> str:
    """The exception that ended a process, by its log, as the end of a sentence.

    Exceptions of the server itself are no causes. Empty if the log has no other.
    """
    stripped = [line.strip() for line in lines]
    exceptions = [line for line in stripped if EXCEPTION.fullmatch(line) and not SERVERS.match(line)]
    return f"\n{exceptions[-1][:SHOWN_WIDTH]}" if exceptions else ""
