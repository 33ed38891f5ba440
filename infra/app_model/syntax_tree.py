"""The syntax tree of a text and its nodes, as fast as they can be had, and what is wrong with the syntax of a text."""

from __future__ import annotations

import ast
import functools
import gc
import warnings

DEEPEST = 400
"""Levels of a syntax tree, so that a function may follow it by calling itself."""
EMPTY: tuple[ast.Module, tuple[ast.AST, ...]] = (ast.Module([], []), ())
"""The tree and the nodes of a file that cannot be read."""
PLAIN = frozenset(
    {
        *("ctx", "op", "ops", "id", "attr", "arg", "name", "asname", "names", "level", "module", "kind", "rest"),
        *("type_comment", "type_ignores", "is_async", "simple", "conversion"),
    }
)
"""Fields of nodes with texts, numbers, operators and the like: leaving them out halves the time."""
FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}
"""The others, by the kind of node, as soon as they were asked for."""


@functools.lru_cache(maxsize=400)
def parsed(text: str) -> tuple[ast.Module, tuple[ast.AST, ...]]:
    """The tree of a text and all its nodes, once however often they are asked for."""
    collects = gc.isenabled()
    gc.disable()  # looking for garbage while a tree grows finds nothing, and takes a quarter of the time
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return EMPTY
    finally:
        if collects:
            gc.enable()
    level: list[ast.AST] = [tree]
    nodes: list[ast.AST] = []
    for _ in range(DEEPEST):
        nodes += level
        level = _children(level)
        if not level:
            return tree, tuple(nodes)
    return EMPTY


def mistake(text: str) -> str:
    """What is wrong with the syntax of a module, and where; empty if nothing is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}" if error.lineno else error.msg
    except (ValueError, RecursionError, MemoryError):
        return ""
    return ""


def _children(level: list[ast.AST]) -> list[ast.AST]:
    """The nodes right below some others, as ``ast.iter_child_nodes`` has them, but for names and operators."""
    found: list[ast.AST] = []
    for node in level:
        for name in _fields(type(node)):
            value = getattr(node, name, None)
            if isinstance(value, list):
                found += [item for item in value if isinstance(item, ast.AST)]
            elif isinstance(value, ast.AST):
                found.append(value)
    return found


def _fields(kind: type[ast.AST]) -> tuple[str, ...]:
    """The fields of a kind of node that may have nodes which matter here."""
    if kind not in FIELDS:
        FIELDS[kind] = () if kind is ast.Constant else tuple(name for name in kind._fields if name not in PLAIN)
    return FIELDS[kind]
