"""Foreign text (commit subjects, names of files) made fit for one line of a record, a log or a terminal."""

from __future__ import annotations

import re

LONGEST = 200
"""Characters that are shown of a text; a commit subject may have thousands."""

BREAKS = re.compile(r"\s+")
"""Every kind of line end is among what Python takes for white space: U+0085, U+2028 and U+2029, too."""
UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
"""Control characters (a terminal obeys them), marks that reverse the direction of writing, halves of characters."""


def one_line(text: str, longest: int = LONGEST) -> str:
    """The text as one line: line ends become spaces, what a terminal would obey a replacement sign, the rest is cut."""
    line = UNFIT.sub("\N{REPLACEMENT CHARACTER}", BREAKS.sub(" ", text)).strip()
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
