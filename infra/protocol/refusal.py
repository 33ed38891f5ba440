"""The errors of rules: the text says what is allowed and follows "it must be"."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

CREDENTIALS = re.compile(r"//[^/@]+@")
LONGEST_SHOWN = 200
"""Maximum number of characters of a wrong value in a message."""


class Refusal(ValueError):
    """A rule rejects a value. The text says what is allowed and never contains the value."""


@dataclass(frozen=True)
class Item:
    """A wrong item of a map: its name, its value, and what is allowed instead."""

    name: str
    value: object
    allowed: str


class WrongItems(ValueError):
    """Several items of a map are wrong; each is reported under its own name."""

    def __init__(self, items: list[Item]) -> None:
        super().__init__(", ".join(item.name for item in items))
        self.items = items


def shown(value: object, *, hidden: bool) -> str:
    """A value for a message: a secret is hidden, a password in a URL is masked, a long value is cut."""
    # What YAML and JSON hold is told as they write it, and not as Python does.
    plain = json.dumps(value) if isinstance(value, dict | list | bool | None) else repr(value)
    whole = "[secret]" if hidden else CREDENTIALS.sub("//[secret]@", plain)
    return whole if len(whole) <= LONGEST_SHOWN else f"{whole[:LONGEST_SHOWN]}... ({len(str(value))} characters)"
