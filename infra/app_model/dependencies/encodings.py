"""The encodings of requirements files that pip takes. Source: pip's "Requirements File Format", under "Encoding"."""

from __future__ import annotations

import codecs
import re

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks, such as Windows PowerShell writes; longer ones before those that begin them."""
DECLARED = re.compile(rb"#.*coding[:=][ \t]*([-\w.]+)")
"""How Python source declares its encoding. Source: PEP 263."""
TEXT = ("ascii", "utf-8", "latin-1", "iso-8859-15", "cp1252")
"""The encodings that may be declared; Python's others are not all for text."""


def decode(data: bytes) -> tuple[str, bool]:
    """The text of a requirements file, and whether uv could read the file itself.

    Args:
        data: The file's bytes. What is neither marked nor declared nor UTF-8 is taken for Latin-1.
    """
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return _lines(data[len(mark) :].decode(encoding, errors="replace")), encoding == "utf-8"
    try:
        return _lines(data.decode()), True
    except UnicodeDecodeError:
        return _lines(data.decode(_declared(data), errors="replace")), False


def _declared(data: bytes) -> str:
    for line in data.split(b"\n")[:2]:
        match = DECLARED.match(line.strip())
        if match:
            name = match[1].decode("ascii", errors="replace").lower().replace("_", "-")
            return name if name in TEXT[1:] else "latin-1"
    return "latin-1"


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
