"""Values put into the text of a settings file; its comments and its order stay. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from cli.stack import NAMESPACE


def with_values(text: str, values: Mapping[str, object]) -> str:
    """The text of a settings file with these keys of ours set, named without the namespace.

    Args:
        text: What the file holds, valid YAML; empty for a new file.
        values: Texts, or lists and maps of them.
    """
    top = _pairs(yaml.compose(text, yaml.SafeLoader) if text.strip() else None)
    config = top.get("config")
    if config is None or not getattr(config, "value", None) or config.flow_style:
        return _with_block(text, config, values)
    edits = []
    added = ""
    indent = " " * config.value[0][0].start_mark.column
    there = _pairs(config)
    for key, value in values.items():
        if node := there.get(f"{NAMESPACE}:{key}"):
            edits.append((node.start_mark.index, _end(text, node), _inline(value)))
        else:
            added += f"\n{indent}{NAMESPACE}:{key}: {_inline(value)}"
    last = _end(text, config.value[-1][1])
    line_end = text.find("\n", last)
    place = len(text) if line_end < 0 else line_end
    for start, end, replacement in sorted([*edits, (place, place, added)], reverse=True):
        text = text[:start] + replacement + text[end:]
    return text if text.endswith("\n") else f"{text}\n"


def _with_block(text: str, config: Any, values: Mapping[str, object]) -> str:
    """A text whose config is absent, empty or in one line, with a block of keys in its place."""
    kept = yaml.safe_load(text[config.start_mark.index : config.end_mark.index]) if config is not None else None
    whole = {**(kept or {}), **{f"{NAMESPACE}:{key}": value for key, value in values.items()}}
    block = "".join(f"\n  {key}: {_inline(value)}" for key, value in whole.items())
    if config is None:
        start = f"{text.rstrip()}\n" if text.strip() else ""
        return f"{start}config:{block}\n"
    before = text[: config.start_mark.index].rstrip(" ")
    return f"{before}{block}\n{text[config.end_mark.index :].lstrip(chr(10))}"


def _end(text: str, node: Any) -> int:
    """Where a node ends, without the white space that YAML counts in."""
    start = int(node.start_mark.index)
    return start + len(text[start : node.end_mark.index].rstrip())


def _inline(value: object) -> str:
    """A value as YAML in one line, in quotes where it would be read as something else."""
    written = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), allow_unicode=True)
    return str(written).removesuffix("...\n").strip()


def _pairs(node: Any) -> dict[str, Any]:
    return {name.value: value for name, value in node.value} if isinstance(node, yaml.MappingNode) else {}
