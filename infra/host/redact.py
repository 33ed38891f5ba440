"""Keeps secret values out of everything that is printed or recorded."""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Iterable

MASK = "[secret]"
SHORTEST = 3
"""Shorter values are not hidden: masking every "1" would destroy the text and hide nothing."""

URL_CREDENTIALS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<credentials>[^/\s@'\"]+)@", re.IGNORECASE)
ACCOUNT_NAMES = re.compile(r"[a-z_][a-z0-9_-]*", re.IGNORECASE)


class Redactor:
    """Replaces known secret values, in the spellings that programs print them in, by ``[secret]``."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._spellings: list[str] = []
        self.add(*values)

    def add(self, *values: str) -> None:
        """Hide these values from now on."""
        known = set(self._spellings)
        for value in values:
            known.update(spelling for spelling in spellings(value) if len(spelling) >= SHORTEST)
        self._spellings = sorted(known, key=len, reverse=True)

    def clean(self, text: str) -> str:
        """The text without secret values and without the credentials of URLs."""
        for spelling in self._spellings:
            text = text.replace(spelling, MASK)
        return URL_CREDENTIALS.sub(_hide_credentials, text)


def spellings(value: str) -> set[str]:
    """How a value may show up in output: as it is, line by line, as a Python or JSON string, in a URL."""
    found = {value, value.strip(), repr(value)[1:-1], json.dumps(value)[1:-1], urllib.parse.quote(value, safe="")}
    found.add(urllib.parse.quote(value))
    found.add(urllib.parse.quote_plus(value))
    if "\n" in value:
        # A private key's "-----BEGIN" line is no secret; short lines would mask ordinary text.
        found.update(line for line in value.splitlines() if len(line) >= 8 and not line.startswith("-----"))
    return found


def _hide_credentials(match: re.Match[str]) -> str:
    """Hide ``user:password@`` and tokens, but leave the account name of ``ssh://git@host`` readable."""
    if match["scheme"].lower() == "ssh://" and ACCOUNT_NAMES.fullmatch(match["credentials"]):
        return match[0]
    return f"{match['scheme']}{MASK}@"
