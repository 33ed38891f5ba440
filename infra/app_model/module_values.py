"""What the names of a Python module stand for, as far as its text says so: read by AST, never run.

What an expression stands for is decided in expressions.py.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from infra.app_model import python_source, syntax
from infra.app_model.expressions import HERE, Assigned, Evaluator, Unknown, Value, Variables
from infra.app_model.files import normal
from infra.app_model.python_source import Module
from infra.app_model.sources import Sources

MOST_MODULES = 30
"""Modules that one module may take its names from, directly or not."""


class ModuleValues:
    """The names that a module assigns, with those of the modules that it takes with ``from ... import *``.

    Attributes:
        literals: All texts that stand in these modules, such as the names of apps and middleware.
    """

    def __init__(self, sources: Sources, module: str, variables: Variables, folder: str = "") -> None:
        """Read a module.

        Args:
            sources: The app's files.
            module: Its dotted name.
            variables: The environment that it will run with; None for a value that is not to be known.
            folder: The folder that dotted names start from.
        """
        self._sources = sources
        self._variables = variables
        self._folder = folder
        self._assigned: dict[str, Assigned] = {}
        self._seen: set[str] = set()
        self.literals: set[str] = set()
        self._read(module)

    def __contains__(self, name: str) -> bool:
        """Whether the module assigns a name, to a known value or not."""
        return name in self._assigned

    def get(self, name: str) -> Value:
        """The value of a name; None if it has none, or none that is known."""
        if name not in self._assigned:
            return None
        expression, path = self._assigned[name]
        try:
            return Evaluator(self._assigned, self._variables, path).value(expression)
        except (Unknown, RecursionError):
            return None

    def _read(self, module: str) -> None:
        found = self._sources.find(module, (self._folder,))
        if found is not None and found.path not in self._seen and len(self._seen) < MOST_MODULES:
            self._seen.add(found.path)
            self.literals |= {text for node in ast.walk(found.tree) if (text := syntax.text_of(node))}
            self._take(found)

    def _take(self, module: Module) -> None:
        for statement in _statements(module.tree.body):
            if isinstance(statement, ast.ImportFrom) and any(alias.name == "*" for alias in statement.names):
                origin = "." * statement.level + (statement.module or "")
                self._read(python_source.absolute(module, origin, self._folder))
            elif isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
                before = self._assigned.get(statement.target.id)
                added = ast.BinOp(before[0], ast.Add(), statement.value) if before else statement.value
                self._assign(statement.target.id, added, module.path)
            for name, value in syntax.assignments(statement):
                self._assign(name, value, module.path)

    def _assign(self, name: str, value: ast.expr, path: str) -> None:
        # A name may be built from its own former value, which is what it stands for on the right.
        before = self._assigned.get(name)
        if before and any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(value)):
            value = ast.BoolOp(ast.Or(), [value, before[0]])
        self._assigned[name] = (value, path)


def in_app(value: Value) -> str | None:
    """The path that a value names, relative to the app's directory.

    Args:
        value: A path or a text; one that is relative counts from the app's directory, where its processes start.

    Returns:
        The path; None if it is no path, or one outside.
    """
    if not isinstance(value, str | PurePosixPath) or not str(value):
        return None
    path = str(value)
    if path.startswith("/"):
        path = normal(path.lstrip("/"))
        inside = PurePosixPath(path).parts[:1] == (HERE.lstrip("/"),)
        return str(PurePosixPath(*PurePosixPath(path).parts[1:])) if inside else None
    path = normal(path)
    return None if path.startswith("..") else path


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module in order, with those under ``if``, ``try`` and ``with``."""
    for statement in body:
        yield statement
        for part in ("body", "orelse", "finalbody"):
            if isinstance(statement, ast.If | ast.Try | ast.With):
                yield from _statements(getattr(statement, part, []))
