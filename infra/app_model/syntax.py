"""What a node of a syntax tree says: the name of a call, the text of a literal, what a statement assigns."""

from __future__ import annotations

import ast
from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef


def called_name(call: ast.Call) -> str:
    """The name that is called, without what it belongs to."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def owner(call: ast.Call) -> ast.expr | None:
    """What the name that is called is an attribute of; None if it stands alone."""
    return call.func.value if isinstance(call.func, ast.Attribute) else None


def assignments(item: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The names that a statement binds to an expression; each name of ``a, b = f()`` is bound to ``f()``."""
    if isinstance(item, ast.Assign):
        for target in item.targets:
            names = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
            # Of ``app, rt = fast_app()`` the first name is the app; of ``a, b = x, y`` each has its own value.
            pairs = isinstance(item.value, ast.Tuple) and len(item.value.elts) == len(names) > 1
            values = item.value.elts if pairs and isinstance(item.value, ast.Tuple) else [item.value] * len(names)
            yield from (
                (name.id, value) for name, value in zip(names, values, strict=True) if isinstance(name, ast.Name)
            )
    elif isinstance(item, ast.AnnAssign) and item.value is not None and isinstance(item.target, ast.Name):
        yield item.target.id, item.value


def required(function: Function) -> list[str]:
    """The parameters that a caller has to give."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    needed = positional[: len(positional) - len(arguments.defaults)]
    needed += [one for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default is None]
    return [one.arg for one in needed]


def text_of(node: ast.AST | None) -> str:
    """The text of a string literal; empty if it is none."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def argument(call: ast.Call, name: str, position: int = -1) -> ast.expr | None:
    """An argument of a call, by its keyword or its position; None if it is not given."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    return call.args[position] if 0 <= position < len(call.args) else None
