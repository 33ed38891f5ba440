"""The text of an app's file, the same where the workstation reads it from a commit and the machine from a folder."""

from __future__ import annotations


def text(content: bytes) -> str:
    """UTF-8 with or without a mark at its beginning, whose lines end with newlines whatever ended them.

    Raises:
        UnicodeDecodeError: It is no UTF-8.
    """
    return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
