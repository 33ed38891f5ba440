"""What an expression of a module stands for, as far as its text says so: read by AST, never run.

Settings are mostly literals and paths below the module's own file, so that is what is understood: ``Path(__file__)``,
``os.path``, ``/``, f-strings, and variables of the environment with their defaults.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from infra.app_model import syntax

HERE = "/.app"
"""Stands for the app's directory in the paths that a module makes from its own file."""
DEEPEST = 50
"""Names that a value may depend on, one through the other."""
MOST_STEPS = 1000
"""Expressions that are looked at for one value. Each name may stand for two others, and these for four."""
LONGEST = 4096
"""Characters of a path or text, as of a path in Linux."""

Value = str | PurePosixPath | bool | int | None | tuple[object, ...]
Assigned = tuple[ast.expr, str]
"""What a name is assigned, and the path of the module that does it."""
Variables = Mapping[str, str | None]
"""The environment. What a secret's value is, which is None here, is not to be known."""

SAME = ("resolve", "absolute", "expanduser", "as_posix", "rstrip", "strip")
"""Methods without arguments that name the same path."""
WRAPPERS = ("abspath", "realpath", "normpath", "fspath")
"""Functions whose result is the path of their argument."""


class Unknown(Exception):
    """The value depends on something that the text does not say."""


@dataclass(frozen=True)
class Evaluator:
    """Finds the values of expressions in one module.

    Attributes:
        names: What the module's names are assigned.
        variables: The environment.
        path: The module's path.
        depth: How many names led here.
        left: How many expressions may still be looked at.
    """

    names: Mapping[str, Assigned]
    variables: Variables
    path: str
    depth: int = 0
    left: list[int] = field(default_factory=lambda: [MOST_STEPS], repr=False)

    def value(self, node: ast.expr) -> Value:
        """The value of an expression.

        Raises:
            Unknown: The text does not say, or it takes too long to find out.
        """
        self.left[0] -= 1
        if self.left[0] < 0:
            raise Unknown
        match node:
            case ast.Constant():
                return _constant(node)
            case ast.Name():
                return self._name(node)
            case ast.BinOp():
                return self._operation(node)
            case ast.JoinedStr(values=parts):
                inner = [part.value if isinstance(part, ast.FormattedValue) else part for part in parts]
                return "".join(self._text(part) for part in inner)
            case ast.Attribute() | ast.Subscript():
                return self._part(node)
            case _:
                return self._composed(node)

    def _composed(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Tuple | ast.List):
            return tuple(self.value(item) for item in node.elts)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq) and len(node.ops) == 1:
            return self._text(node.left) == self._text(node.comparators[0])
        raise Unknown

    def _name(self, node: ast.Name) -> Value:
        if node.id == "__file__":
            return f"{HERE}/{self.path}"
        if node.id not in self.names or self.depth > DEEPEST:
            raise Unknown
        expression, path = self.names[node.id]
        return replace(self, path=path, depth=self.depth + 1).value(expression)

    def _operation(self, node: ast.BinOp) -> Value:
        match node:
            case ast.BinOp(op=ast.Div()):
                return PurePosixPath(self._text(node.left)) / self._text(node.right)
            case ast.BinOp(op=ast.Add()):
                return self._text(node.left) + self._text(node.right)
            case ast.BinOp(op=ast.Sub(), right=ast.Constant(value=int() as levels)):
                # As django-environ writes it: Path(__file__) - 2.
                return _up(PurePosixPath(self._text(node.left)), levels - 1)
            case _:
                raise Unknown

    def _part(self, node: ast.Attribute | ast.Subscript) -> Value:
        match node:
            case ast.Attribute(value=owner, attr="parent"):
                return PurePosixPath(self._text(owner)).parent
            case ast.Subscript(value=ast.Attribute(value=owner, attr="parents"), slice=ast.Constant(value=int() as n)):
                return _up(PurePosixPath(self._text(owner)), n)
            case ast.Subscript(value=ast.Attribute(attr="environ"), slice=ast.Constant(value=str() as variable)):
                return self._variable(variable)
            case _:
                raise Unknown

    def _call(self, node: ast.Call) -> Value:
        name, owner = syntax.called_name(node), syntax.owner(node)
        if name in SAME and owner is not None and not node.args:
            return self.value(owner)
        if not node.args:
            raise Unknown
        path = self._path(name, owner, node)
        return path if path is not None else self._from_environment(node)

    def _path(self, name: str, owner: ast.expr | None, node: ast.Call) -> Value:
        """The path that a call names; None if it is about something else."""
        if name in WRAPPERS or (name == "str" and owner is None):
            return self._text(node.args[0])
        if name == "dirname":
            return str(PurePosixPath(self._text(node.args[0])).parent)
        if name in ("Path", "PurePath") or (name == "join" and not isinstance(owner, ast.Constant)):
            return PurePosixPath(*self._texts(node))
        # As django-environ writes it: ROOT_DIR.path("static") or ROOT_DIR("static").
        root = owner if name in ("joinpath", "path") else node.func if owner is None and name in self.names else None
        try:
            return PurePosixPath(self._text(root), *self._texts(node)) if root is not None else None
        except Unknown:
            return None  # it stands for no path: it is what reads the environment

    def _from_environment(self, node: ast.Call) -> Value:
        """``os.environ.get("X", default)``, ``os.getenv("X", default)``, ``env("X", default=...)``, ``config(...)``."""
        first = node.args[0]
        if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
            raise Unknown
        if first.value in self.variables:
            return self._variable(first.value)
        defaults = [*(keyword.value for keyword in node.keywords if keyword.arg == "default"), *node.args[1:]]
        if not defaults:
            raise Unknown
        return self.value(defaults[0])

    def _variable(self, name: str) -> str:
        value = self.variables.get(name)
        if value is None:
            raise Unknown
        return value

    def _text(self, node: ast.expr) -> str:
        value = self.value(node)
        if not isinstance(value, str | PurePosixPath) or len(text := str(value)) > LONGEST:
            raise Unknown
        return text

    def _texts(self, node: ast.Call) -> list[str]:
        return [self._text(part) for part in node.args]


def _constant(node: ast.Constant) -> Value:
    if isinstance(node.value, str | bool | int | None):
        return node.value
    raise Unknown


def _up(path: PurePosixPath, levels: int) -> PurePosixPath:
    """The folder that many levels above a path's own; level 0 is the folder itself."""
    for _ in range(min(levels + 1, DEEPEST)):
        path = path.parent
    return path
