"""The paths that expressions in an app's code stand for, as far as they can be told without running it."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.app_model import syntax
from infra.app_model.python_source import Module
from infra.app_model.syntax import called_name

ROOT = "/\0app"
"""Stands for the app's directory in a path. No path has a zero byte."""

DEEPEST = 40
"""Steps from one expression to the next, at most."""
MOST_STEPS = 300
"""Expressions that are looked at for one path. Each name may stand for two others, and these for four."""
LONGEST = 4096
"""Characters of a path or text, as of a path in Linux."""
SAME = ("Path", "PurePath", "PosixPath", "str", "abspath", "realpath", "normpath", "fspath", "resolve", "absolute")
"""Calls that change nothing of a path."""


@dataclass(frozen=True)
class Values:
    """Finds the paths that expressions of one module stand for.

    Attributes:
        module: The module.
        others: All modules, whose settings it may use.
        known: Special attributes, such as ``instance_path``, with their paths.
        variables: The environment variables that are set: what depends on their values is not known.
        left: How many expressions may still be looked at for the path that is looked for.
    """

    module: Module
    others: Collection[Module] = ()
    known: Mapping[str, str] = field(default_factory=dict)
    variables: Collection[str] = ()
    left: list[int] = field(default_factory=lambda: [MOST_STEPS], repr=False)

    def path(self, node: ast.expr | None) -> str:
        """The path in the app's directory; empty if there is none, or it is not known."""
        return inside(self.text(node))

    def text(self, node: ast.expr | None, depth: int = 0) -> str | None:
        """The text that an expression stands for, with ``ROOT`` for the app's directory; None if it is not known."""
        readers: dict[type[ast.expr], Callable[[Any, int], str | None]] = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.Subscript: self._subscript,
            ast.BinOp: self._operation,
            ast.BoolOp: self._first,
            ast.JoinedStr: self._joined,
            ast.FormattedValue: self._formatted,
            ast.Call: self._call,
        }
        self.left[0] = (self.left[0] if depth else MOST_STEPS) - 1
        reader = readers.get(type(node)) if node and depth <= DEEPEST and self.left[0] > 0 else None
        found = reader(node, depth + 1) if reader else None
        return found if found is not None and len(found) <= LONGEST else None

    def _constant(self, node: ast.Constant, _: int) -> str | None:
        return node.value if isinstance(node.value, str) else None

    def _name(self, node: ast.Name, depth: int) -> str | None:
        return f"{ROOT}/{self.module.path}" if node.id == "__file__" else self._named(node.id, depth)

    def _formatted(self, node: ast.FormattedValue, depth: int) -> str | None:
        return None if node.format_spec else self.text(node.value, depth)

    def _named(self, name: str, depth: int) -> str | None:
        if name in self.module.names:
            return self.text(self.module.names[name], depth)
        if not name.isupper():
            return None
        for other in self.others:
            if other is not self.module and name in other.text and name in other.names:
                values = Values(other, (), self.known, self.variables, self.left)
                return values.text(other.names[name], depth)
        return None

    def _attribute(self, node: ast.Attribute, depth: int) -> str | None:
        if node.attr in self.known:
            return self.known[node.attr]
        if node.attr == "parent":
            return _parent(self.text(node.value, depth))
        return self._named(node.attr, depth) if node.attr.isupper() else None

    def _subscript(self, node: ast.Subscript, depth: int) -> str | None:
        """``path.parents[1]``."""
        number = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if not (isinstance(node.value, ast.Attribute) and node.value.attr == "parents" and isinstance(number, int)):
            return None
        path = self.text(node.value.value, depth)
        for _ in range(min(number + 1, DEEPEST)):
            path = _parent(path)
        return path

    def _operation(self, node: ast.BinOp, depth: int) -> str | None:
        left, right = self.text(node.left, depth), self.text(node.right, depth)
        if left is None or right is None:
            return None
        if isinstance(node.op, ast.Div):
            return posixpath.join(left, right)
        if isinstance(node.op, ast.Mod):
            return left.replace("%s", right, 1)
        return left + right if isinstance(node.op, ast.Add) else None

    def _first(self, node: ast.BoolOp, depth: int) -> str | None:
        """``os.environ.get("X") or default``."""
        for value in node.values if isinstance(node.op, ast.Or) else ():
            if (text := self.text(value, depth)) is not None:
                return text
            if not isinstance(value, ast.Call) or self.is_set(node):
                return None
        return None

    def _joined(self, node: ast.JoinedStr, depth: int) -> str | None:
        texts = [self.text(part, depth) for part in node.values]
        known = [text for text in texts if text is not None]
        return "".join(known) if len(known) == len(texts) else None

    def _call(self, node: ast.Call, depth: int) -> str | None:
        name, owner, arguments = called_name(node), syntax.owner(node), node.args
        if variable(node):
            return None if self.is_set(node) else self.text(default(node), depth)
        if name in ("getcwd", "cwd"):
            return ROOT
        if name == "joinpath" and owner:
            return self._together([owner, *arguments], depth)
        if name == "join" or (name == "Path" and len(arguments) > 1):
            return self._together(arguments, depth)
        return self._wrapped(name, arguments[0] if arguments else None, owner, depth)

    def _wrapped(self, name: str, argument: ast.expr | None, owner: ast.expr | None, depth: int) -> str | None:
        """A call that changes one path or text, or nothing of it."""
        if name == "dirname":
            return _parent(self.text(argument, depth))
        if name == "format":
            left, right = self.text(owner, depth), self.text(argument, depth)
            return left.replace("{}", right, 1) if left is not None and right is not None else None
        return self.text(argument or owner, depth) if name in SAME else None

    def _together(self, parts: Sequence[ast.expr], depth: int) -> str | None:
        """Parts of a path, joined."""
        texts = [self.text(part, depth) for part in parts]
        known = [text for text in texts if text is not None]
        return posixpath.join(*known) if known and len(known) == len(texts) else None

    def is_set(self, node: ast.AST) -> bool:
        """Whether a default does not count: that of a call for a variable that is set, or the one after its ``or``.

        ``$DATA_DIR`` is always set.
        """
        if isinstance(node, ast.BoolOp):
            return any(self.is_set(call) for value in node.values[:-1] for call in ast.walk(value))
        return isinstance(node, ast.Call) and variable(node) in {"DATA_DIR", *self.variables}


def variable(node: ast.Call) -> str:
    """The environment variable that a call such as ``os.environ.get("NAME")`` or ``env("NAME")`` reads; or empty."""
    first = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
    reads = called_name(node) in ("get", "getenv", "config", "env", "str", "path", "db", "db_url", "Env", "pop")
    return first if isinstance(first, str) and reads and first.isupper() and first.isidentifier() else ""


def default(node: ast.Call) -> ast.expr | None:
    """What such a call returns if the variable is not set."""
    given = [keyword.value for keyword in node.keywords if keyword.arg == "default"]
    return given[0] if given else node.args[1] if len(node.args) > 1 else None


def inside(path: str | None) -> str:
    """A path relative to the app's directory, where its processes start; empty if it leads elsewhere."""
    if not path or set("\n\0:") & set(path.removeprefix(ROOT)):
        return ""
    if path.startswith("/") and not path.startswith(f"{ROOT}/"):
        return ""
    relative = posixpath.normpath(path.removeprefix(ROOT).lstrip("/"))
    return "" if relative in (".", "..") or relative.startswith("../") else relative


def _parent(path: str | None) -> str | None:
    if not path or path == ROOT:
        return None
    return posixpath.dirname(path) or "."
