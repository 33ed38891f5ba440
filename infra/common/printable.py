"""Makes untrusted text (commit subjects, user and file names) safe for a record, a log or a terminal."""

from __future__ import annotations

import re

LONGEST = 200
"""Maximum number of characters to show; a commit subject may have thousands."""

BREAKS = re.compile(r"\s+")
"""White space. In Python this includes every kind of line end, also U+0085, U+2028 and U+2029."""
UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
"""Control characters, bidirectional override characters, and surrogates."""

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters except tabs and line ends, and bidirectional override characters."""
SEQUENCE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(\x07|\x1b\\)?|[ -/]*[0-~])")
"""Terminal escape sequences: colours and cursor movement (CSI), titles and other strings (OSC, DCS), short sequences.

Source: ECMA-48, sections 5.3 to 5.6.
"""


def lines(text: str) -> str:
    """Make multi-line text safe for a terminal: remove escape sequences and replace control characters.

    If a line was overwritten repeatedly, as by a progress bar, only its last state remains.
    """
    plain = SEQUENCE.sub("", text.replace("\r\n", "\n"))
    last = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in plain.split("\n"))
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", last)


def bare(line: str) -> str:
    """A line without escape sequences and control characters, for matching patterns."""
    return CONTROL.sub("", SEQUENCE.sub("", line))


def one_line(text: str, longest: int = LONGEST) -> str:
    """Convert text to one line, safe for a terminal.

    Args:
        text: Any text; white space becomes single spaces, and control characters become U+FFFD.
        longest: Maximum number of characters; longer text is cut and ends with an ellipsis.
    """
    line = UNFIT.sub("\N{REPLACEMENT CHARACTER}", BREAKS.sub(" ", text)).strip()
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
