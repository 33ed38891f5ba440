"""Documents generated from the key declarations: Pulumi.yaml's config block, the manual's tables, the editor schema."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from infra.config import entries
from infra.config.checks import CHECKS
from infra.config.key import NAMESPACE, Key
from infra.config.schema import MANUAL, Group, Schema

SCALARS = ("string", "integer", "number", "boolean")
ENCRYPTED = {"$ref": "#/definitions/encrypted"}

Json = dict[str, Any]
"""A JSON Schema, or a part of one: any JSON."""


def pulumi_block(schema: Schema) -> str:
    """The ``config:`` block of Pulumi.yaml.

    Scalars are declared as strings: Pulumi stops at the first value of a wrong type and does not show it, while
    Launchpad reports all mistakes at once. The keys of one kind of machine form one object, because Pulumi cannot
    declare the keys inside it.
    """
    lines = ["config:"]
    for group in schema.groups:
        if group.section:
            lines += _declaration(group.section, "object", "{}", f"{group.description} {MANUAL} lists them.")
            continue
        hints = get_type_hints(group.fields)
        for name, key in group.keys.items():
            kind = _type(hints[name])
            scalar = kind in SCALARS
            default = json.dumps(key.default) if scalar else key.default
            lines += _declaration(name, "string" if scalar else kind, default, key.description, _items(hints[name]))
    return "\n".join(lines)


def _declaration(name: str, kind: str, default: str, description: str, items: str = "") -> Iterator[str]:
    yield f"  {name}:"
    yield f"    type: {kind}"
    if items:
        yield f"    items: {{type: {items}}}"
    yield f"    default: {default}"
    yield "    description: >-"
    yield textwrap.fill(
        description,
        120,
        initial_indent=" " * 6,
        subsequent_indent=" " * 6,
        break_long_words=False,
        break_on_hyphens=False,
    )


def tables(schema: Schema) -> str:
    """The manual's chapter on settings: a section for each group of keys, then the rules that involve several keys."""
    parts = [_section(group) for group in schema.groups]
    rules_of = [
        ("every stack", CHECKS),
        ("several apps", (entries.apart,)),
        *((f"machine {kind.name}", kind.every_check) for kind in schema.kinds.values()),
    ]
    checked = [
        f"- {' '.join((check.__doc__ or '').split())}{'' if scope == 'every stack' else f' ({scope})'}"
        for scope, checks in rules_of
        for check in checks
    ]
    return "\n\n".join([*parts, "## Checked together\n\n" + "\n".join(checked)])


def _section(group: Group) -> str:
    rows = [
        f"| `{name}`{' **secret**' if key.secret else ''} | {_code(key.default)} | {_about(key)} |"
        for name, key in group.keys.items()
    ]
    return "\n".join(
        [f"## {group.title}", "", group.description, "", "| key | default | meaning |", "|---|---|---|", *rows]
    )


def _about(key: Key) -> str:
    text = key.description.replace("|", "\\|")
    return f"{text} Example: {_code(key.example)}" if key.example else text


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def editor_schema(schema: Schema) -> Json:
    """The JSON Schema of ``Pulumi.<stack>.yaml``, which editors use to complete and explain keys."""
    properties: Json = {}
    for group in schema.groups:
        values = {name: _value(schema, group, name, key) for name, key in group.keys.items()}
        properties |= {f"{NAMESPACE}:{name}": value for name, value in values.items()}
        if group.section:
            short = {name.partition(".")[2]: value for name, value in values.items()}
            properties[f"{NAMESPACE}:{group.section}"] = {
                "type": "object",
                "description": group.description,
                "properties": short,
                "additionalProperties": False,
            }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A Launchpad stack",
        "type": "object",
        "properties": {
            "config": {
                "type": ["object", "null"],
                "properties": properties,
                "patternProperties": {f"^(?!{NAMESPACE}:)": {}},
                "additionalProperties": False,
            }
        },
        "definitions": {
            "encrypted": {
                "description": "A value encrypted by `pulumi config set --secret`.",
                "type": "object",
                "properties": {"secure": {"type": "string"}},
                "required": ["secure"],
                "additionalProperties": False,
            }
        },
    }


def _value(schema: Schema, group: Group, name: str, key: Key) -> Json:
    """The schema of a key's value."""
    hint = get_type_hints(group.fields)[name.rpartition(".")[2]]
    if name == "machine":
        plain: Json = {"enum": list(schema.kinds)}
    else:
        plain = _apps(schema) if name == "apps" else _plain(hint, nested="." in name)
    about: Json = {"description": key.description}
    if key.default:
        about["default"] = key.default if _type(hint) in SCALARS else json.loads(key.default)
    if not key.secret:
        return {**about, "anyOf": [plain, ENCRYPTED]}
    if _type(hint) != "object":
        return {**about, **ENCRYPTED}
    return {**about, "anyOf": [ENCRYPTED, {"type": "object", "additionalProperties": ENCRYPTED}]}


def _apps(schema: Schema) -> Json:
    """The schema of several apps: a map of maps of an app's keys."""
    keys = {
        name: _value(schema, group, name, key)
        for group in schema.groups
        for name, key in group.keys.items()
        if name in schema.of_app
    }
    entry = {"type": ["object", "null"], "properties": keys, "additionalProperties": False}
    return {"type": "object", "additionalProperties": entry}


def _plain(hint: Any, nested: bool) -> Json:
    """The schema of an unencrypted value in the file, where Pulumi writes numbers and booleans as text."""
    kind = _type(hint)
    if get_origin(hint) is Literal:
        words = list(get_args(hint))
        return {"enum": [True, False, *words] if "true" in words else words}
    if kind == "boolean":
        return {"enum": [True, False, "true", "false"]}
    if kind == "array":
        return {"type": "array", "items": _item(get_args(hint)[0])}
    if kind == "object":
        scalars = {"type": ["string", "number", "boolean"]}
        # A dotted key that is set on its own can hold a map only as JSON text.
        return {
            "type": ["object", "string"] if nested else "object",
            "additionalProperties": {
                "anyOf": [scalars, {"type": "object"} if is_dataclass(get_args(hint)[1]) else ENCRYPTED]
            },
        }
    return {"type": "string" if kind == "string" else [kind, "string"]}


def _item(hint: Any) -> Json:
    """The schema of a list item."""
    if not is_dataclass(hint):
        return {"type": "string"}
    return {
        "type": "object",
        "properties": {name: {} for name in getattr(hint, "KEYS", ())},
        "additionalProperties": False,
    }


def _items(hint: Any) -> str:
    """The JSON type of a list's items; empty if the field is not a list."""
    if _type(hint) != "array":
        return ""
    return "object" if is_dataclass(get_args(hint)[0]) else "string"


def _type(hint: Any) -> str:
    """The JSON type of a field."""
    named: dict[Any, str] = {
        **{str: "string", int: "integer", float: "number", bool: "boolean"},
        **{tuple: "array", dict: "object", Literal: "string"},
    }
    return named[get_origin(hint) or hint]
