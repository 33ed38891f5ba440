"""Hides secret values in everything that is printed or recorded."""

from __future__ import annotations

import base64
import html
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator
from typing import TypeVar, cast

T = TypeVar("T")

MASK = "[secret]"
SHORTEST = 3
"""Characters. Shorter values are not hidden: masking every "1" would destroy the text and hide nothing."""

SHORT_NUMBER = re.compile(r"(?=.{1,5}$)[+-]?[0-9]+([.,][0-9]+)?")
COMMON = (
    "true false yes no on off none null nil undefined debug info notice warning error critical production "
    "development staging test testing local localhost 127.0.0.1 0.0.0.0 utf-8 http https release released "
    "releases revision deploy deployed deployment rollback rebuild restart build built prepare slot blue green "
    "start started switch drain health healthy status serves serving web proxy worker done ready failed "
    "interrupted changed unchanged subject secret heal hook process processes app launchpad run running console "
)
"""Common settings, and words of our own reports: nobody learns anything from them."""
COMMON_WORDS = frozenset(COMMON.split())

PARSED = frozenset(
    {
        "app",
        "user",
        "release",
        "releases",
        "revision",
        "slot",
        "state",
        "result",
        "what",
        "kind",
        "changed",
        "data",
        "python",
    }
)
"""Keys of results whose texts are our own, for programs to read. Every other text may come from elsewhere."""

URL_CREDENTIALS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]{0,20}://)(?P<credentials>[^/\s@'\"]+)@", re.IGNORECASE)
"""Bounded: without a bound, a line of 64 KiB of letters, which an app may print, took half a minute."""
ACCOUNT_NAMES = re.compile(r"[a-z_][a-z0-9_-]*", re.IGNORECASE)
ESCAPED_BYTE = re.compile(r"%[0-9A-F]{2}")


class Redactor:
    """Replaces known secret values, in all spellings in which programs print them, with ``[secret]``."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        """Hide these values."""
        self._spellings: set[str] = set()
        self.add(*values)

    def add(self, *values: str) -> None:
        """Hide these values from now on."""
        for value in values:
            self._spellings.update(spelling for spelling in spellings(value) if is_hidden(spelling))

    def clean(self, text: str) -> str:
        """The text without secret values and without the credentials of URLs."""
        pieces, end = [], 0
        for begin, after in _joined(self._found(text)):
            pieces += [text[end:begin], MASK]
            end = after
        return URL_CREDENTIALS.sub(_hide_credentials, "".join([*pieces, text[end:]]))

    def clean_leaves(self, value: T) -> T:
        """A result without secret values: of the same shape, with only the texts that may hold foreign words cleaned.

        Keys, numbers, truth values and what programs read (``PARSED``) stay as they are, whatever the secrets are.
        """
        return cast("T", self._clean(value, ""))

    def _clean(self, value: object, key: str) -> object:
        """A value under a key, cleaned; tuples become lists, as in JSON."""
        if isinstance(value, dict):
            return {name: self._clean(item, name) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._clean(item, key) for item in value]
        return self.clean(value) if isinstance(value, str) and key not in PARSED else value

    def _found(self, text: str) -> Iterator[tuple[int, int]]:
        """The places of each spelling (begin and end), even if two of them overlap."""
        for spelling in self._spellings:
            at = text.find(spelling)
            while at >= 0:
                yield at, at + len(spelling)
                at = text.find(spelling, at + 1)


def is_hidden(value: str) -> bool:
    """Whether a secret value is masked at all; short and common ones are not."""
    word = value.strip()
    if len(word) < SHORTEST or word.lower() in COMMON_WORDS:
        return False
    return not SHORT_NUMBER.fullmatch(word)


def spellings(value: str) -> set[str]:
    """How a value may appear in output: as it is, line by line, quoted as programs do it, in a URL, in base64."""
    if not is_hidden(value):
        return set()
    variants: set[str] = set()
    lines = [line.strip() for line in value.splitlines()]
    # The "-----BEGIN" line of a private key is not secret.
    for part in {value, value.strip(), *(line for line in lines if is_hidden(line) and not line.startswith("-----"))}:
        variants |= _quoted(part) | _in_urls(part) | _base64(part)
    return variants


def _quoted(value: str) -> set[str]:
    """As it is; as a Python, JSON, shell or HTML string."""
    return {
        value,
        repr(value)[1:-1],
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        value.replace("'", "'\\''"),
        value.replace("'", "'\"'\"'"),
        html.escape(value),
    }


def _in_urls(value: str) -> set[str]:
    raw = value.encode(errors="surrogatepass")
    """Escaped, with either case of hexadecimal digits."""
    escaped = {urllib.parse.quote(raw, safe=""), urllib.parse.quote(raw), urllib.parse.quote_plus(raw)}
    return escaped | {ESCAPED_BYTE.sub(lambda match: match[0].lower(), spelling) for spelling in escaped}


def _base64(value: str) -> set[str]:
    """The characters that the value becomes in base64, alone and in the middle of a longer text (``user:password``)."""
    raw = value.encode(errors="surrogatepass")
    if len(raw) < 6:
        return set()
    encoded = set()
    for before in range(3):
        # base64 makes four characters of three bytes; those that depend on neighbouring bytes are left out.
        text = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        own = text[(0, 2, 3)[before] : (before + len(raw)) * 4 // 3]
        encoded |= {own, own.replace("+", "-").replace("/", "_")}
    return encoded


def _joined(places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The places, those that overlap or touch made one: of two secrets that share letters no part remains."""
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(places):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def _hide_credentials(match: re.Match[str]) -> str:
    """Hide ``user:password@`` and tokens, but leave the account name of ``ssh://git@host`` readable."""
    if match["scheme"].lower() == "ssh://" and ACCOUNT_NAMES.fullmatch(match["credentials"]):
        return match[0]
    return f"{match['scheme']}{MASK}@"
