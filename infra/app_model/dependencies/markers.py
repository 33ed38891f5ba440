"""Environment markers: what is known about the machine and the wanted extras is worked out, the rest stays."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

TOKEN = re.compile(r"\s*(?:(?P<text>'[^']*'|\"[^\"]*\")|(?P<word>[A-Za-z_.]+)|(?P<sign>[<>=!~]+|[()]))")
MACHINE = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
"""What every machine of Launchpad's is. Source: the environment markers of the dependency specifiers (PEP 508)."""

Marker = str | bool
"""A marker that is left, or what it surely comes to."""


class _UnreadableError(Exception):
    """The text is no marker that is understood here."""


def simplify(marker: str, extras: Collection[str] = ()) -> Marker:
    """A marker without what is known.

    Args:
        marker: The marker; empty for none.
        extras: The normalised names of the extras that are wanted.

    Returns:
        What is left of it; True or False if that is all it comes to. A marker that is not understood is left as it is.
    """
    if not marker.strip():
        return True
    try:
        reader = _Reader(_tokens(marker), frozenset(extras))
        left = reader.either()
        if reader.tokens:
            return marker
    except (_UnreadableError, IndexError, RecursionError):
        return marker
    return left


def both(left: Marker, right: Marker) -> Marker:
    """What holds if both hold."""
    if left is False or right is False:
        return False
    if left is True or left == right:
        return right
    return left if right is True else f"{_in_brackets(left)} and {_in_brackets(right)}"


def either(left: Marker, right: Marker) -> Marker:
    """What holds if one of them holds."""
    if left is True or right is True:
        return True
    if left is False or left == right:
        return right
    return left if right is False else f"{left} or {right}"


def _in_brackets(marker: Marker) -> str:
    text = str(marker)
    return f"({text})" if " or " in text and not (text.startswith("(") and text.find(")") == len(text) - 1) else text


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = TOKEN.match(text, position)
        if not match:
            raise _UnreadableError
        tokens.append(match["text"] or match["word"] or match["sign"])
        position = match.end()
    return tokens


@dataclass
class _Reader:
    tokens: list[str]
    extras: frozenset[str]

    def either(self) -> Marker:
        found = self.both()
        while self.tokens and self.tokens[0] == "or":
            self.tokens.pop(0)
            found = either(found, self.both())
        return found

    def both(self) -> Marker:
        found = self.one()
        while self.tokens and self.tokens[0] == "and":
            self.tokens.pop(0)
            found = both(found, self.one())
        return found

    def one(self) -> Marker:
        if self.tokens[0] == "(":
            self.tokens.pop(0)
            found = self.either()
            if self.tokens.pop(0) != ")":
                raise _UnreadableError
            return found
        left, operator = self.tokens.pop(0), self.tokens.pop(0)
        if operator == "not":
            operator += f" {self.tokens.pop(0)}"
        return self._known(left, operator, self.tokens.pop(0))

    def _known(self, left: str, operator: str, right: str) -> Marker:
        name, value = (right, left) if left[0] in "'\"" else (left, right)
        if value[0] not in "'\"" or name[0] in "'\"":
            raise _UnreadableError
        text = value[1:-1]
        if name == "extra" and operator in ("==", "!="):
            return (re.sub(r"[-_.]+", "-", text).lower() in self.extras) is (operator == "==")
        if name in MACHINE and operator in ("==", "!="):
            return (text == MACHINE[name]) is (operator == "==")
        return f"{left} {operator} {right}"
