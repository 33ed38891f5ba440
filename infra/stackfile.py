"""What a stack's own file, Pulumi.<stack>.yaml, shows that the config which Pulumi hands over does not."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([Tt ].*)?")
MAPS = ("env",)
"""Keys whose items are looked at, too. Those of ``secrets`` are texts: Pulumi encrypts what was typed."""


def read_otherwise(text: str, namespace: str, handed: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Values without quotes that YAML reads as something else than is written: key, what is written, what is read.

    ``3.10`` is 3.1 then, ``010`` is 8 and ``12345678901234567890`` is rounded, all without a word.
    """
    import yaml  # noqa: PLC0415 - late: importing it takes time that a preview without a file does not need

    top = _map(_map(yaml.compose(text, yaml.SafeLoader)).get("config"))
    found = []
    for key, value in handed.items():
        node = top.get(f"{namespace}:{key}")
        if key in MAPS and (items := _items(value)):
            written = _map(node)
            for name, item in items.items():
                found += list(_otherwise(f"{key}.{name}", written.get(name), item))
        elif (plain := _plain(node)) is not None and plain.lower() != value.lower() and _means(plain, value):
            found.append((key, plain, value))
    return found


def _otherwise(key: str, node: Any, item: Any) -> Iterator[tuple[str, str, str]]:
    plain = _plain(node)
    read = item if isinstance(item, str) else json.dumps(item)
    if plain is not None and plain != read and _means(plain, read):
        yield key, plain, read


def _means(written: str, read: str) -> bool:
    """Whether YAML may have read this of what is written; otherwise Pulumi was given another file."""
    if DATE.fullmatch(written):
        return read.startswith(written[:10])
    return written.lower() == read.lower() or bool(set(_numbers(written)) & set(_numbers(read)))


def _numbers(text: str) -> Iterator[float]:
    """What a text is as a number: decimal, with an exponent, hexadecimal, octal as YAML has had it."""
    for base in (10, 0, 8):
        with contextlib.suppress(ValueError, OverflowError):
            yield float(int(text, base))
    with contextlib.suppress(ValueError, OverflowError):
        yield float(text)


def _items(value: str) -> dict[str, Any]:
    """A map as Pulumi hands it over, its numbers as they are written there."""
    try:
        found = json.loads(value, parse_float=str, parse_int=str)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _map(node: Any) -> dict[str, Any]:
    """The nodes of a YAML map by name; empty where it is none."""
    pairs = node.value if getattr(node, "id", "") == "mapping" else []
    return {name.value: value for name, value in pairs if getattr(name, "id", "") == "scalar"}


def _plain(node: Any) -> str | None:
    """The text of a value that is written without quotes; None for every other one, and for none at all."""
    if getattr(node, "id", "") != "scalar" or node.style is not None or node.value in ("", "~"):
        return None
    return str(node.value)
