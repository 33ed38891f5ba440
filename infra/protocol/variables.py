"""The rule of the app's environment: each variable is checked separately and reported under its own name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from infra.protocol.refusal import Item, Refusal, WrongItems

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
RESERVED = ("PORT", "DATA_DIR", "PATH", "VIRTUAL_ENV", "CREDENTIALS_DIRECTORY")
"""Variables that Launchpad sets itself, in addition to all that begin with LAUNCHPAD_.

Not HOST: apps mean the host of their database by it. Only the web process has it from Launchpad.
"""
LONGEST_VARIABLE = 131_000
"""Maximum length in bytes of a variable with its name; Linux limits it to 128 KiB."""
MOST_VARIABLES = 400_000
"""Maximum length in bytes of all variables as JSON; systemd passes at most 1 MiB for ``env`` plus ``secrets``."""

Variables = tuple[tuple[str, str], ...]
"""Names and values, sorted by name."""


def variables(value: object) -> Variables:
    """Read a map of environment variables.

    Raises:
        WrongItems: With every variable that is wrong.
        Refusal: If it is not a map, or is larger than systemd allows.
    """
    if not isinstance(value, Mapping):
        raise Refusal("a map of names and values")
    wrong = [Item(name, item, allowed) for name, item in value.items() if (allowed := unusable(name, item))]
    if wrong:
        raise WrongItems(wrong)
    if len(json.dumps(dict(value))) > MOST_VARIABLES:
        raise Refusal(f"a map of at most {MOST_VARIABLES} bytes in total, the most that systemd passes")
    return tuple(sorted(value.items()))


def unusable(name: str, item: object) -> str:
    """What is allowed instead of this variable; empty if it is valid."""
    if not NAME.fullmatch(name):
        return "named with letters, digits and _, no digit first"
    if name in RESERVED or name.startswith("LAUNCHPAD_"):
        return f"left out, because Launchpad sets {name} itself; give the app's own variable another name"
    return "text; put it in quotes" if not isinstance(item, str) else _not_carried(f"{name}={item}")


def _not_carried(variable: str) -> str:
    """What is allowed instead of a variable that Linux cannot represent; empty if it can."""
    if "\0" in variable:
        return "text without zero bytes, which a variable cannot contain"
    if any("\ud800" <= letter <= "\udfff" for letter in variable):
        return "valid Unicode; it contains half a surrogate pair"
    if len(variable.encode()) > LONGEST_VARIABLE:
        return f"of at most {LONGEST_VARIABLE} bytes with its name, which is Linux's limit"
    return ""
