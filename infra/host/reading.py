"""Reads values out of a JSON object and collects every mistake, so that all are reported at once."""

from __future__ import annotations

import re
from typing import Any

from .failure import Failure

SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|KIB|MIB|GIB)?", re.IGNORECASE)
SIZES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)?")
TIMES = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Reader:
    """One JSON object; every method returns a usable value and notes a mistake when the given one is wrong."""

    def __init__(self, value: Any, where: str = "", mistakes: list[str] | None = None) -> None:
        self.mistakes: list[str] = [] if mistakes is None else mistakes
        self._where = where
        self._seen: set[str] = set()
        if value is not None and not isinstance(value, dict):
            self.mistake("", f"must be an object, not {kind(value)}")
        self._value: dict[str, Any] = value if isinstance(value, dict) else {}

    def mistake(self, key: str, text: str) -> None:
        """Note what is wrong with a key."""
        name = ".".join(part for part in (self._where, key) if part)
        self.mistakes.append(f"{name or 'the specification'}: {text}")

    def raw(self, key: str) -> Any:
        """The value of a key as it is; None where it is missing."""
        self._seen.add(key)
        return self._value.get(key)

    def inner(self, key: str) -> Reader:
        """The object under a key."""
        return Reader(self.raw(key), ".".join(part for part in (self._where, key) if part), self.mistakes)

    def text(
        self, key: str, default: str | None = None, pattern: str = "", allowed: str = "", *, secret: bool = False
    ) -> str:
        """A text; without a default it must be there. ``allowed`` says in words what ``pattern`` matches.

        A ``secret`` one is not shown when it is wrong.
        """
        value = self.raw(key)
        if value is None and default is not None:
            return default
        if value is None:
            self.mistake(key, "is missing")
            return ""
        if not isinstance(value, str):
            self.mistake(key, f"must be text, not {kind(value)}")
            return default or ""
        if "\0" in value or (pattern and not re.fullmatch(pattern, value)):
            self.mistake(key, f"is {'[secret]' if secret else repr(value)}; allowed: {allowed or 'text'}")
            return default or ""
        return value

    def maybe(self, key: str, pattern: str = "", allowed: str = "", *, secret: bool = False) -> str | None:
        """A text that may be missing or null; empty counts as missing."""
        return self.text(key, "", pattern and f"(?:{pattern})?", allowed, secret=secret) or None

    def number(self, key: str, default: float, low: float, high: float) -> float:
        """A number of seconds (or "500ms", "30s", "5m") within bounds."""
        value = self.raw(key)
        if value is None:
            return float(default)
        number = duration(value)
        if number is None or not low <= number <= high:
            self.mistake(key, f"is {value!r}; allowed: seconds from {low:g} to {high:g}")
            return float(default)
        return number

    def whole(self, key: str, default: int, low: int, high: int) -> int:
        """A whole number within bounds."""
        value = self.raw(key)
        if value is None:
            return default
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.mistake(key, f"is {value!r}; allowed: a whole number from {low} to {high}")
            return default
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self.raw(key)
        if value is not None and not isinstance(value, bool):
            self.mistake(key, f"must be true or false, not {kind(value)}")
        return value if isinstance(value, bool) else default

    def size(self, key: str, default: str, low: int = 1) -> int:
        """A size in bytes, as a number or with a unit ("10MB", "16KB")."""
        value = self.raw(key)
        value = default if value is None else value
        match = SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
        if match:
            found = int(float(match[1]) * SIZES[(match[2] or "B").upper()])
        elif isinstance(value, int) and not isinstance(value, bool):
            found = value
        else:
            found = -1
        if found < low:
            self.mistake(key, f'is {value!r}; allowed: a size such as "10MB", at least {low} bytes')
            return low
        return found

    def names(self, key: str, pattern: str, allowed: str) -> tuple[str, ...]:
        """A list of texts, in its order, without repetitions."""
        value = self.raw(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            self.mistake(key, f"must be a list, not {kind(value)}")
            return ()
        for item in value:
            if not isinstance(item, str) or not re.fullmatch(pattern, item):
                self.mistake(key, f"contains {item!r}; allowed: {allowed}")
        return tuple(dict.fromkeys(item for item in value if isinstance(item, str)))

    def unknown(self) -> None:
        """Note every key that nobody asked for: most often a typing mistake."""
        for key in sorted(set(self._value) - self._seen):
            self.mistake(key, "is not a known key; known: " + ", ".join(sorted(self._seen)))

    def finish(self, what: str) -> None:
        """Fail with all mistakes, if there are any."""
        if self.mistakes:
            raise Failure("\n".join([f"{what} is not right:", *(f"  {mistake}" for mistake in self.mistakes)]))


def duration(value: Any) -> float | None:
    """Seconds from a number or from "500ms", "30s", "5m", "1h"; None where it is neither."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    match = TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    return float(match[1]) * TIMES[match[2] or "s"] if match else None


def kind(value: Any) -> str:
    """What a JSON value is, in words."""
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
