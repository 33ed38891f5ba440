"""The differences between old and new inputs, field by field, and whether they require an update or a replacement.

As in the official plugin, a changed element inside `triggers` is an update here; the engine then replaces the resource
because of the SDK's `replaceOnChanges: triggers[*]`. Only adding or removing `triggers` is a replacement here.
"""

import re

from .schema import Resource
from .values import OUTPUT, Json, Object, same, signature

Path = tuple[str | int, ...]


def diff(resource: Resource, old: Object, new: Object) -> dict[Path, str]:
    """The changed property paths with the kind of change: ADD, DELETE or UPDATE, plus _REPLACE for a replacement."""
    changes: dict[Path, str] = {}
    _walk((), old, new, changes)
    for path, kind in changes.items():
        spec = resource.inputs.fields.get(str(path[0])) if len(path) == 1 else None
        if not resource.updatable or (spec and spec.replaces):
            changes[path] = f"{kind}_REPLACE"
    return changes


def _walk(path: Path, old: Json, new: Json, changes: dict[Path, str]) -> None:
    if isinstance(old, dict) and isinstance(new, dict) and signature(old) is signature(new) is None:
        for key in old.keys() | new.keys():
            if key not in new:
                changes[(*path, key)] = "DELETE"
            elif key not in old:
                changes[(*path, key)] = "ADD"
            elif signature(new[key]) != OUTPUT:
                _walk((*path, key), old[key], new[key], changes)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            if index >= len(new):
                changes[(*path, index)] = "DELETE"
            elif index >= len(old):
                changes[(*path, index)] = "ADD"
            else:
                _walk((*path, index), old[index], new[index], changes)
    elif not same(old, new):
        changes[path] = "UPDATE"


def path_text(path: Path) -> str:
    """A path as Pulumi writes it: `environment.HOME`, `environment["a.b"]`, `triggers[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.search(r"[^A-Za-z0-9_]", part):
            text += '["' + part.replace('"', '\\"') + '"]'
        else:
            text += f".{part}" if text else part
    return text
