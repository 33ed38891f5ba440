"""The keys that are set in a stack's config, by full name, in either of the two forms that Pulumi writes.

``launchpad:ec2.region`` is a key of its own if ``pulumi config set launchpad:ec2.region`` wrote it, or an item of the
map ``launchpad:ec2`` if ``pulumi config set --path`` did.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.config.key import NAMESPACE


@dataclass(frozen=True)
class Written:
    """A key as it is set in the config."""

    name: str
    text: str
    """The value; JSON if it is structured."""

    secret: bool
    """Whether Pulumi stores it encrypted. Pulumi treats a whole map as secret as soon as one item is."""

    in_map: bool

    @property
    def removal(self) -> str:
        """The command that removes it."""
        return f"pulumi config rm {'--path ' if self.in_map else ''}{NAMESPACE}:{self.name}"


def read(
    raw: Mapping[str, str], maps: Collection[str], secret_keys: frozenset[str], in_clear: Collection[str] = ()
) -> tuple[list[Written], dict[str, str]]:
    """Collect the keys that are set.

    Args:
        raw: Config values by key without the namespace, structured ones as JSON.
        maps: The names whose values are maps of keys: the machine kinds among them.
        secret_keys: The keys whose values are encrypted.
        in_clear: The items of maps, by full name, that are not encrypted although another one of the map is.

    Returns:
        The keys in their order, and the values of these that are not maps, by name.
    """
    written: list[Written] = []
    not_maps: dict[str, str] = {}
    for name, text in raw.items():
        secret = name in secret_keys
        if name not in maps:
            written.append(Written(name, text, secret, in_map=False))
        elif (items := as_map(text)) is None:
            not_maps[name] = text
        else:
            full = {f"{name}.{item}": value for item, value in items.items()}
            written += [Written(key, value, secret and key not in in_clear, in_map=True) for key, value in full.items()]
    return written, not_maps


def as_map(text: str) -> dict[str, str] | None:
    """The items of a JSON map as config values; None if the text is not a map."""
    try:
        data = json.loads(text)
        # Numbers stay text: parsed, 0.00001 would become 1e-05.
        exact = json.loads(text, parse_float=str, parse_int=str)
    except ValueError:
        return None
    return {name: _text(data[name], exact[name]) for name in data} if isinstance(data, dict) else None


def _text(value: Any, exact: Any) -> str:
    if value is None:
        return ""
    return exact if isinstance(exact, str) else json.dumps(value)


def twice(written: list[Written]) -> Iterator[tuple[Written, Written]]:
    """Find keys that are set both on their own and in a map, to different values.

    Yields:
        The key set on its own, and the one in the map.
    """
    first: dict[str, Written] = {}
    for key in written:
        earlier = first.setdefault(key.name, key)
        if not _same(earlier.text, key.text):
            yield (key, earlier) if earlier.in_map else (earlier, key)


def _same(left: str, right: str) -> bool:
    try:
        return left == right or bool(json.loads(left) == json.loads(right))
    except ValueError:
        return False
