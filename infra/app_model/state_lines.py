"""What a module may keep in its memory and change there, from a look at its lines alone, before any parse."""

from __future__ import annotations

import re

from infra.app_model.python_source import Module

CONTAINERS = frozenset(
    {
        *("list", "dict", "set", "bytearray", "collections.defaultdict", "collections.deque", "collections.Counter"),
        *("collections.OrderedDict", "queue.Queue", "queue.SimpleQueue", "asyncio.Queue", "itertools.count"),
    }
)
"""What makes a container, by its full name."""
CHANGES = frozenset(
    {
        *("append", "extend", "insert", "remove", "pop", "popitem", "clear", "update", "setdefault", "add", "discard"),
        *("appendleft", "popleft", "put", "put_nowait", "sort", "reverse"),
    }
)
"""The methods that change a container."""
HARMLESS = ("cache", "memo", "lock", "registry", "handlers", "plugins")
"""Parts of names of containers of which each worker may have its own."""
_MAKERS = "|".join(sorted(name.rpartition(".")[2] for name in CONTAINERS))
MADE = re.compile(
    rf"(?P<names>[A-Za-z_][\w, ]*?)\s*(?::[^=\n]+)?=\s*(?:[\[{{]|[^=]*,\s*[\[{{]|(?:\w+\.)*(?:{_MAKERS})\b)"
)
"""A line of text that may give names to containers."""
_NAME = r"(?<!\w)((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)"
CHANGED = (
    (re.compile(rf"\.(?:{'|'.join(sorted(CHANGES))})\("), re.compile(rf"{_NAME}(?:\[[^\n]*\])?\s*\Z")),
    (re.compile(r"\]\s*(?:[-+*/|&^%@]|//|\*\*|<<|>>)?=(?!=)"), re.compile(rf"{_NAME}\[")),
    (re.compile(r"\[[ \t]*\n"), re.compile(rf"{_NAME}\Z")),
    (re.compile(r" as (?=[A-Za-z_])"), re.compile(rf"{_NAME}\Z")),
)
"""Pieces of text that may change what a name stands for, or give another name to it; and that name, in the line before.

Each begins with a character or more, for which Python searches many times faster.
"""
TAKEN = (re.compile(rf"del\s+\(?{_NAME}\["), re.compile(rf"next\(\s*{_NAME}"))
"""The same, with the name in the piece itself."""
LOOK_BACK = 200
"""Characters before such a piece, at most."""
OBJECT = re.compile(r"\w+\s*(?::[^=\n]+)?=\s*([A-Za-z_]\w*)\(")


def made(module: Module) -> set[str]:
    """The names at the top level that may stand for containers, from the lines alone."""
    matches = [match["names"] for line in module.top if (match := MADE.match(line))]
    names = {name.strip() for names in matches for name in names.split(",")}
    return {name for name in names if not is_harmless(name)}


def changed(text: str) -> set[str]:
    """The names that a text may change, with what they are taken from: ``store.items``."""
    names = {name for pattern in TAKEN for name in pattern.findall(text)}
    for pattern, before in CHANGED:
        for match in pattern.finditer(text):
            start = max(text.rfind("\n", 0, match.start()) + 1, match.start() - LOOK_BACK)
            names.update(before.findall(text, start, match.start()))
    return {name for name in names if not name.startswith(("self.", "cls."))}


def has_objects(module: Module) -> bool:
    """Whether a name at the top level may stand for an object of a class of the same text that keeps something."""
    classes = set(re.findall(r"class[ \t]+(\w+)", module.text)) if module.has("self.") else set()
    lines = module.top if classes else []
    return any((match := OBJECT.match(line)) and match[1] in classes for line in lines)


def is_harmless(name: str) -> bool:
    """Whether each worker may have a container of this name for itself."""
    return name == "__all__" or any(part in name.lower() for part in HARMLESS)
