"""What an update would change of a resource or of the outputs, in a line each. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cli import steps
from infra.deployment import data_changes
from infra.protocol import paths

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine gives for a value that only the update makes known.

Source: pulumi/sdk/go/common/resource/plugin/rpc.go, UnknownStringValue.
"""
SECRET = "[secret]"
LONGEST = 80
"""Characters of a value that is shown; of a longer one only the name is."""


def of_resource(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """The properties of a resource that change, with their values where those are short texts.

    None of a command on the machine: they are its command lines and what it reads, and what goes out says what of the
    app changes. Only of one that takes an app off the machine, what happens to the app's data.
    """
    old = (metadata.get("old") or {}).get("inputs") or {}
    new = (metadata.get("new") or {}).get("inputs") or {}
    if str(metadata.get("type", "")).startswith("command:"):
        return tuple(_of_removal(steps.removed_app(str(metadata.get("urn"))), old.get("delete"), new.get("delete")))
    paths = metadata.get("detailedDiff") or metadata.get("diffs") or [key for key in new if new[key] != old.get(key)]
    names = dict.fromkeys(path.split(".")[0].split("[")[0] for path in paths)
    return tuple(_changed(name, old.get(name), new.get(name)) for name in names if name != "__provider")


def _of_removal(app: str, old: object, new: object) -> Iterator[str]:
    """What happens to the data of an app that is taken off its machine, by the commands for that."""
    if not app or not isinstance(old, str):
        return
    keeps = paths.KEEP_DATA in old
    if not isinstance(new, str):
        yield data_changes.of_removed(app, deleted=not keeps)
    elif keeps != (paths.KEEP_DATA in new):
        yield data_changes.of_removal(app, deleted=keeps)


def of_outputs(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """The outputs of the stack that change."""
    lines = [_changed(name, before.get(name), value) for name, value in after.items() if value != before.get(name)]
    return lines + [f"{name}: removed" for name in before if name not in after]


def _changed(name: str, old: object, new: object) -> str:
    if new == UNKNOWN:
        return f"{name}: known after up"
    if not _is_short(new):
        return name
    return f"{name}: {old} -> {new}" if _is_short(old) and old != new else f"{name}: {new}"


def _is_short(value: object) -> bool:
    if isinstance(value, bool | int | float):
        return True
    return isinstance(value, str) and len(value) <= LONGEST and value.isprintable() and SECRET not in value
