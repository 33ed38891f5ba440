"""Readers of the keys about who may see a site, and about how long browsers insist on HTTPS."""

from __future__ import annotations

import json
import re

from infra.protocol import visitors

PERIOD = re.compile(r"([0-9]{1,4})\s*([dy])")
DAYS = {"d": 1, "y": 365}


def hsts(value: str) -> int:
    """Days or years such as 30d or 2y, as seconds; ``visitors.NO_HSTS`` for false."""
    text = value.strip().lower()
    if text == "false":
        return visitors.NO_HSTS
    match = PERIOD.fullmatch("0d" if text == "0" else text)
    days = int(match[1]) * DAYS[match[2]] if match else -1
    if not 0 <= days <= 3650:
        raise ValueError("a time such as 30d or 2y, at most 10y; 0 to have browsers forget it; or false")
    return days * visitors.DAY


def passwords(value: str) -> dict[str, str]:
    """A map of users and passwords, or one of them as USER:PASSWORD.

    Raises:
        WrongItems: With every entry that is wrong.
        ValueError: The value is neither.
    """
    allowed = "a map of users and passwords, such as launchpad:basic_auth.ana, or one USER:PASSWORD"
    try:
        # Numbers stay text, as in env: a password of digits is one, whatever YAML makes of it.
        data = json.loads(value, parse_float=str, parse_int=str)
    except ValueError:
        name, colon, password = value.strip().partition(":")
        data = {name: password} if colon else None
    if not isinstance(data, dict):
        raise ValueError(allowed)
    return dict(visitors.passwords(data))
