"""Mistakes that only Pulumi.<stack>.yaml shows, because Pulumi has already converted the config it passes on."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # importing it takes time that a preview without a file does not need
    import yaml

APPS = "apps"
"""The key whose value is a map of apps, each of which is a map of keys."""
NO_LIST = "must be a list; set its first item with: pulumi config set --path '{key}[0]' VALUE"
"""What to do about a text where a list has to be, which Pulumi itself refuses."""
DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([Tt ].*)?")

Nodes = dict[str, "yaml.Node"]
"""YAML nodes by name. Unlike a parsed value, a node keeps the text as it was written."""


def config(text: str, namespace: str) -> Nodes:
    """The keys of a namespace in a stack's file, by name without the namespace; empty if there are none."""
    import yaml  # noqa: PLC0415 - late, as above

    top = _map(_map(yaml.compose(text, yaml.SafeLoader)).get("config"))
    prefix = f"{namespace}:"
    return {name.removeprefix(prefix): node for name, node in top.items() if name.startswith(prefix)}


def unencrypted(config: Nodes, secret_keys: Collection[str]) -> Iterator[str]:
    """Find the map items that hold a secret unencrypted, such as ``secrets.TOKEN``.

    Pulumi treats a whole map as secret as soon as one of its items is, so only the file shows which items are not.
    Secret keys outside a map are not checked here: Pulumi itself reports whether they are encrypted.

    Args:
        config: The nodes of the keys, as ``config`` returns them.
        secret_keys: The full names of the keys whose values must be encrypted.

    Yields:
        The full name of each unencrypted item.
    """
    for key in secret_keys:
        yield from _unencrypted_items(key, config.get(key))
        group, dot, name = key.partition(".")
        if dot and (node := _map(config.get(group)).get(name)):
            yield from (key,) if _scalar(node) else _unencrypted_items(key, node)
    for app, entry in _map(config.get(APPS)).items():
        for key, node in _map(entry).items():
            if key in secret_keys:
                path = f"{APPS}.{app}.{key}"
                yield from (path,) if _scalar(node) else _unencrypted_items(path, node)


def _unencrypted_items(key: str, node: yaml.Node | None) -> Iterator[str]:
    items = _map(node)
    if set(items) != {"secure"}:
        yield from (f"{key}.{name}" for name, item in items.items() if "secure" not in _map(item))


def changed_by_yaml(
    config: Nodes, parsed: Mapping[str, str], groups: Collection[str] = ()
) -> Iterator[tuple[str, str, str]]:
    """Find unquoted values that YAML reads as something else than is written.

    YAML silently reads ``3.10`` as 3.1 and ``010`` as 8, and rounds ``12345678901234567890``.

    Args:
        config: The nodes of the keys, as ``config`` returns them.
        parsed: The values that Pulumi passed on, structured ones as JSON.
        groups: The keys whose value is a map of keys.

    Yields:
        The key, the value as written, and the value as YAML reads it.
    """
    for key, value in parsed.items():
        if key == APPS:
            nodes = _map(config.get(key))
            for app, entry in _items(value).items():
                yield from _keys(f"{key}.{app}", nodes.get(app), json.dumps(entry))
        elif key in groups:
            yield from _keys(key, config.get(key), value)
        else:
            yield from _key(key, config.get(key), value)


def written_as_text(config: Nodes, names: Collection[str]) -> list[str]:
    """The keys of some whose value is a text, which Pulumi refuses where it is to be a list.

    Args:
        config: The nodes of the keys, as ``config`` returns them.
        names: The keys whose values are lists.
    """
    return [name for name in names if (scalar := _scalar(config.get(name))) is not None and scalar.value]


def in_clear(config: Nodes, maps: Collection[str]) -> set[str]:
    """The items of maps of keys that stand in the file in plain text, by their full names."""
    found = ((name, _map(config.get(name))) for name in maps)
    return {f"{name}.{item}" for name, items in found for item, node in items.items() if "secure" not in _map(node)}


def _keys(group: str, node: yaml.Node | None, value: str) -> Iterator[tuple[str, str, str]]:
    """The changes in the keys of a map."""
    nodes = _map(node)
    for name, item in _items(value).items():
        yield from _key(f"{group}.{name}", nodes.get(name), item if isinstance(item, str) else json.dumps(item))


def _key(key: str, node: yaml.Node | None, value: str) -> Iterator[tuple[str, str, str]]:
    """The changes in one key's value, including those in its items if it is a map."""
    if (plain := _plain(node)) is not None and plain.lower() != value.lower() and _means(plain, value):
        yield key, plain, value
    nodes = _map(node)
    for name, item in _items(value).items():
        yield from _changed_item(f"{key}.{name}", nodes.get(name), item)


def _changed_item(key: str, node: yaml.Node | None, item: Any) -> Iterator[tuple[str, str, str]]:
    plain = _plain(node)
    read = item if isinstance(item, str) else json.dumps(item)
    if plain is not None and plain != read and _means(plain, read):
        yield key, plain, read


def _means(written: str, read: str) -> bool:
    """Whether YAML can have turned the written text into this value; if not, Pulumi read another file."""
    if DATE.fullmatch(written):
        return read.startswith(written[:10])
    return written.lower() == read.lower() or bool(set(_numbers(written)) & set(_numbers(read)))


def _numbers(text: str) -> Iterator[float]:
    """The numbers that a text can stand for: decimal, with an exponent, hexadecimal, octal in YAML 1.1."""
    for base in (10, 0, 8):
        with contextlib.suppress(ValueError, OverflowError):
            yield float(int(text, base))
    with contextlib.suppress(ValueError, OverflowError):
        yield float(text)


def _items(value: str) -> dict[str, Any]:
    """The items of a JSON map, numbers in their written form; empty if the text is not a map."""
    try:
        items = json.loads(value, parse_float=str, parse_int=str)
    except ValueError:
        return {}
    return items if isinstance(items, dict) else {}


def _map(node: yaml.Node | None) -> Nodes:
    """The nodes of a YAML map by name; empty if the node is not a map."""
    from yaml import MappingNode  # noqa: PLC0415 - late, as above

    pairs = node.value if isinstance(node, MappingNode) else []
    return {name.value: value for name, value in pairs if _scalar(name)}


def _scalar(node: yaml.Node | None) -> yaml.ScalarNode | None:
    from yaml import ScalarNode  # noqa: PLC0415 - late, as above

    return node if isinstance(node, ScalarNode) else None


def _plain(node: yaml.Node | None) -> str | None:
    """The text of an unquoted, non-empty value; None for any other node."""
    scalar = _scalar(node)
    return None if scalar is None or scalar.style is not None or scalar.value in ("", "~") else str(scalar.value)
