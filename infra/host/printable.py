"""Foreign text (commit subjects, names of people and files) made fit for one line of a record, a log or a terminal."""

from __future__ import annotations

import re

LONGEST = 200
"""Characters that are shown of a text; a commit subject may have thousands."""

BREAKS = re.compile(r"\s+")
"""Every kind of line end is among what Python takes for white space: U+0085, U+2028 and U+2029, too."""
UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
"""Control characters (a terminal obeys them), marks that reverse the direction of writing, halves of characters."""

OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a terminal obeys: control characters (not tabs or line ends) and marks that reverse the direction of writing."""
SEQUENCE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(\x07|\x1b\\)?|[ -/]*[0-~])")
"""What a terminal obeys whole: colours and movements (CSI), titles and other strings (OSC, DCS), short ones.
Source: ECMA-48, sections 5.3 to 5.6."""


def lines(text: str) -> str:
    """The text with its lines as they are, fit for a terminal: colours go, and whatever else it would obey.

    Of a line that was written over and over (a progress bar) the last state is left.
    """
    plain = SEQUENCE.sub("", text.replace("\r\n", "\n"))
    last = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in plain.split("\n"))
    return OBEYED.sub("\N{REPLACEMENT CHARACTER}", last)


def bare(line: str) -> str:
    """A line without anything that a terminal would obey, for finding patterns in it."""
    return OBEYED.sub("", SEQUENCE.sub("", line))


def one_line(text: str, longest: int = LONGEST) -> str:
    """The text as one line: line ends become spaces, what a terminal would obey a replacement sign, the rest is cut."""
    line = UNFIT.sub("\N{REPLACEMENT CHARACTER}", BREAKS.sub(" ", text)).strip()
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
