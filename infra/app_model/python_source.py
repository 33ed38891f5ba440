"""Python modules of an app as syntax trees: what they import, assign, define and call. Nothing is imported or run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from infra.app_model import import_lines, syntax, syntax_tree
from infra.app_model.syntax import Function

MOST_CALLS = 50
"""Calls of one kind that are looked at."""
LONGEST = 300
"""Characters of a line that are looked at, where a line is looked at by itself."""
LARGEST = 400_000
"""Characters of a module that is read; what is longer was generated, and no entry point."""


STARTING = frozenset(
    {
        *("run", "main", "start", "serve", "listen", "launch", "cli", "run_app", "run_simple", "serve_forever"),
        *("run_forever", "run_until_complete", "loop", "Fire"),
    }
)
"""Names of functions and methods, an app's own aside, with which a program starts."""


@dataclass(frozen=True)
class Assigned:
    """A name that a module binds at its top level.

    Attributes:
        name: The name.
        value: The expression.
        guarded: Whether that happens only when the module is the program (``if __name__ == "__main__"``).
    """

    name: str
    value: ast.expr
    guarded: bool


@dataclass
class Budget:
    """How much may still be parsed: that is what takes the time, and each deployment pays for it.

    Attributes:
        modules: How many modules.
        characters: How many characters of them, together.
    """

    modules: int
    characters: int

    def allows(self, text: str) -> bool:
        """Whether one more may be parsed, which then counts."""
        if len(text) > LARGEST or self.modules < 1 or self.characters < len(text):
            return False
        self.modules -= 1
        self.characters -= len(text)
        return True


@dataclass(frozen=True, eq=False)
class Module:
    """A Python file of an app. It is parsed when something first asks for its tree: look into its text before.

    Attributes:
        path: Its file, relative to the app's directory.
        text: Its text.
        budget: How much may be parsed.
    """

    path: str
    text: str = field(repr=False)
    budget: Budget = field(repr=False)

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree; an empty one if it is no Python, too large or too deep, or enough was parsed before."""
        return syntax_tree.parsed(self.text)[0] if self.budget.allows(self.text) else syntax_tree.EMPTY[0]

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree, the outermost first."""
        return syntax_tree.parsed(self.text)[1] if self.tree is not syntax_tree.EMPTY[0] else ()

    def has(self, *words: str) -> bool:
        """Whether its text has one of some words at least: what to ask before a parse."""
        return any(word in self.text for word in words)

    @cached_property
    def mentioned(self) -> list[str]:
        """What its text imports, such as ``flask.Flask`` or ``.views``, from a look at the lines alone.

        That is much cheaper than a tree, and finds a little too much: lines of documentation that look like imports.
        """
        return list(import_lines.mentioned(self.text)) if len(self.text) <= LARGEST else []

    @cached_property
    def top(self) -> list[str]:
        """The lines at the top level and in its ``if``, ``try`` and ``with``, from the text alone."""
        lines = []
        inside = False
        for line in (line[:LONGEST] for line in self.text.splitlines()) if len(self.text) <= LARGEST else ():
            if not line[:1].isspace():
                inside = BLOCK.match(line) is not None if line else inside
                lines.append(line)
            elif inside:
                lines.append(line.lstrip())
        return lines

    @cached_property
    def statements(self) -> list[tuple[ast.stmt, bool]]:
        """The statements that run when the module is imported, and those under ``if __name__``, marked as such."""
        return list(_statements(self.tree.body, guarded=False))

    @cached_property
    def calls(self) -> list[ast.Call]:
        """Every call, wherever it is."""
        return [node for node in self.nodes if isinstance(node, ast.Call)]

    @cached_property
    def imports(self) -> dict[str, str]:
        """What each imported name stands for, such as ``flask.Flask``; a relative import begins with dots."""
        return {name: origin for node in self.nodes for name, origin in _imported(node) if name != "*"}

    @cached_property
    def stars(self) -> list[str]:
        """The modules from which everything is imported."""
        return [origin.removesuffix(".*") for node in self.nodes for name, origin in _imported(node) if name == "*"]

    @cached_property
    def packages(self) -> set[str]:
        """The top-level packages that it imports, those of the app among them."""
        return {origin.split(".")[0] for origin in [*self.imports.values(), *self.stars]} - {""}

    @cached_property
    def functions(self) -> dict[str, Function]:
        """The functions at the top level, by name."""
        found = [item for item, _ in self.statements if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)]
        return {item.name: item for item in found}

    @cached_property
    def classes(self) -> dict[str, ast.ClassDef]:
        """The classes at the top level, by name."""
        return {item.name: item for item, _ in self.statements if isinstance(item, ast.ClassDef)}

    @cached_property
    def assigned(self) -> list[Assigned]:
        """The names that are assigned at the top level, in order."""
        return [
            Assigned(name, value, guarded)
            for item, guarded in self.statements
            for name, value in syntax.assignments(item)
        ]

    @cached_property
    def names(self) -> dict[str, ast.expr]:
        """The expression that each name stands for, wherever it is assigned; the first counts."""
        found: dict[str, ast.expr] = {}
        for node in self.nodes:
            for name, value in syntax.assignments(node) if isinstance(node, ast.Assign | ast.AnnAssign) else ():
                found.setdefault(name, value)
        return found

    @cached_property
    def lines_of_functions(self) -> frozenset[int]:
        """The lines that lie in a function."""
        return frozenset(line for node in self.nodes if isinstance(node, Function) for line in _lines(node))

    @cached_property
    def lines_elsewhere(self) -> frozenset[int]:
        """The lines of functions that go to another folder, so that their paths do not begin in the app's."""
        calls = self.calls if self.has("chdir(", "mkdtemp(") else []
        named = [call for call in calls if syntax.called_name(call) in ("chdir", "mkdtemp")]
        functions = [node for node in self.nodes if isinstance(node, Function)] if named else []
        around = [node for node in functions if any(call.lineno in _lines(node) for call in named[:MOST_CALLS])]
        return frozenset(line for node in around for line in _lines(node))

    @cached_property
    def is_program(self) -> bool:
        """Whether it starts something when it is run: code under ``if __name__``, or a bare call of what starts."""
        return any(guarded or self._starts(item) for item, guarded in self.statements)

    def _starts(self, item: ast.stmt) -> bool:
        """Whether a statement is a bare call that may start something, and does not only prepare the module."""
        name = _called(item)
        own = name not in self.imports and (name in self.functions or name in self.classes)
        return own or name in STARTING

    def origin(self, node: ast.expr) -> str:
        """What an expression such as ``Flask`` or ``web.Application`` stands for, by the imports; empty if unknown."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        return ".".join([self.imports.get(node.id, node.id), *reversed(parts)])

    def origins(self, node: ast.expr) -> list[str]:
        """All that an expression may stand for, where names came with ``import *``."""
        plain = self.origin(node)
        if not plain or plain.split(".")[0] in self.imports:
            return [plain] if plain else []
        return [plain, *(f"{star}.{plain}" for star in self.stars)]


BLOCK = re.compile(r"(?:if|elif|else|try|except|finally|with|async with)\b")
"""The beginning of a line whose block belongs to the top level, too."""


def _lines(node: Function) -> range:
    return range(node.lineno, (node.end_lineno or 0) + 1)


def dotted(path: str) -> str:
    """The name under which a file is imported, such as ``shop.views``; empty if it has none."""
    parts = list(PurePosixPath(path).with_suffix("").parts)
    if parts and parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts) if all(part.isidentifier() for part in parts) else ""


def absolute(module: Module, origin: str, root: str = "") -> str:
    """A relative import's origin as an absolute one.

    Args:
        module: The module that has the import.
        origin: What it imports, such as ``.views.index``.
        root: The folder that imports start from, such as ``src``.
    """
    if not origin.startswith("."):
        return origin
    rest = origin.lstrip(".")
    up = len(origin) - len(rest)
    folder = PurePosixPath(module.path).parent
    package = folder.relative_to(root).parts if root and folder.is_relative_to(root) else folder.parts
    return ".".join([*package[: len(package) - up + 1], rest]).strip(".")


def _statements(body: Sequence[ast.stmt], *, guarded: bool, depth: int = 0) -> Iterator[tuple[ast.stmt, bool]]:
    for item in body if depth < 20 else []:
        yield item, guarded
        if isinstance(item, ast.If):
            yield from _statements(item.body, guarded=guarded or _is_guard(item.test), depth=depth + 1)
            yield from _statements(item.orelse, guarded=guarded, depth=depth + 1)
        elif isinstance(item, ast.Try | ast.With | ast.AsyncWith):
            yield from _statements(item.body, guarded=guarded, depth=depth + 1)
            for handler in item.handlers if isinstance(item, ast.Try) else []:
                yield from _statements(handler.body, guarded=guarded, depth=depth + 1)
            for part in (item.orelse, item.finalbody) if isinstance(item, ast.Try) else ():
                yield from _statements(part, guarded=guarded, depth=depth + 1)


def _is_guard(test: ast.expr) -> bool:
    names = [node.id for node in ast.walk(test) if isinstance(node, ast.Name)]
    return "__name__" in names or "__mp_main__" in names


def _called(item: ast.stmt) -> str:
    """The last name of what a bare call calls; empty if it is none."""
    value = item.value if isinstance(item, ast.Expr) else None
    call = value.value if isinstance(value, ast.Await) else value
    return syntax.called_name(call) if isinstance(call, ast.Call) else ""


def _imported(node: ast.AST) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            # ``import a.b`` binds ``a``.
            yield (alias.asname, alias.name) if alias.asname else (alias.name.split(".")[0], alias.name.split(".")[0])
    elif isinstance(node, ast.ImportFrom):
        start = "." * node.level + (node.module or "")
        for alias in node.names:
            joined = f"{start}.{alias.name}" if node.module else f"{start}{alias.name}"
            yield alias.asname or alias.name, joined
