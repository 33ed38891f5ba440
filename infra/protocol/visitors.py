"""The rules of who may see a site, and of how long browsers insist on HTTPS."""

from __future__ import annotations

import re
from collections.abc import Mapping

from infra.protocol import values
from infra.protocol.refusal import Item, Refusal, WrongItems

DAY = 86_400
HSTS = 30 * DAY
"""Seconds for which browsers insist on HTTPS, unless the settings say otherwise.

A month covers everybody who comes regularly, and whoever gives up HTTPS is locked out of no browser for longer. Mozilla
and the preload lists want half a year and more: that is for a person to decide who knows that HTTPS stays. Source: RFC
6797, section 11.2; hstspreload.org, which advises to raise it in steps.
"""
NO_HSTS = -1
"""Stands for no header at all. 0 is one that has browsers forget what they were told."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
LONGEST_PASSWORD = 72
"""Bytes of a password that bcrypt looks at."""

Passwords = tuple[tuple[str, str], ...]
"""Users and their passwords, sorted by user."""

hsts = values.whole(NO_HSTS, 3660 * DAY)
"""Seconds for which browsers insist on HTTPS."""


def passwords(value: object) -> Passwords:
    """A map of users and passwords.

    Raises:
        WrongItems: With every entry that is wrong.
        Refusal: It is not a map.
    """
    if not isinstance(value, Mapping):
        raise Refusal("a map of users and passwords")
    wrong = [Item(str(name), item, allowed) for name, item in value.items() if (allowed := unusable(name, item))]
    if wrong:
        raise WrongItems(wrong)
    return tuple(sorted(value.items()))


def unusable(name: object, password: object) -> str:
    """What is allowed instead of this user and password; empty if they are valid."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return "named with up to 64 letters, digits and . _ @ + -, letter or digit first"
    if not isinstance(password, str) or not password.isprintable() or not password:
        return "a password: printable text, not empty"
    if len(password.encode()) > LONGEST_PASSWORD:
        return f"a password of at most {LONGEST_PASSWORD} bytes, which is all that bcrypt looks at"
    return ""
