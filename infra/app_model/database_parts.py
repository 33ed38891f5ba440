"""Finds where an app takes the address of its PostgreSQL apart: a variable each for the name, the user, the host."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from infra.app_model import syntax
from infra.app_model.python_source import Module

Part = Literal["engine", "name", "user", "password", "host", "port"]
PARTS: Mapping[str, Part] = {
    **{"ENGINE": "engine", "NAME": "name", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"},
    **{"dbname": "name", "database": "name", "user": "user", "username": "user", "password": "password"},
    **{"host": "host", "port": "port", "drivername": "engine"},
}
"""What Django's settings, and the arguments of drivers and of SQLAlchemy's URL, call the parts."""
MENTIONED = ("ENGINE", "psycopg", "asyncpg", "postgres")
"""What a text must have for a parse to be worth it."""
CALLS = re.compile(r"(?:psycopg2?|psycopg2?_pool|asyncpg|aiopg|sqlalchemy)\.")
"""Full names of functions that connect."""
URL = re.compile(
    r"postgres(?:ql)?(?:\+\w+)?://\0(?P<user>\d+)\0(?::\0(?P<password>\d+)\0)?@\0(?P<host>\d+)\0"
    r"(?::(?:\0(?P<port>\d+)\0|\d+))?/\0(?P<name>\d+)\0(?:\?.*)?"
)
"""An f-string that makes a URL, with the number of the expression in each place between zero bytes."""
READERS = re.compile(r"(?:^|[._])(?:environ|env|config|getenv)(?:\.(?:get|str|int|get_value))?$")
"""Functions that read a variable: ``os.environ.get``, ``os.getenv``, ``env``, ``env.str``, ``config``."""
DEEPEST = 5
"""Names that stand for one another, and calls around a variable, at most."""
LOCAL = ("localhost", "127.0.0.1", "::1", "")


@dataclass(frozen=True)
class Place:
    """One place in the code that says where the database is.

    Attributes:
        where: The file and the line.
        variables: The variable that each part is read from.
        fixed: What the code says of the other parts, or of those whose variable is not set.
        is_url: Whether the parts become a URL, in which no host can be a folder.
        is_django: Whether it is one of Django's ``DATABASES``.
    """

    where: str
    variables: Mapping[Part, str]
    fixed: Mapping[Part, str]
    is_url: bool = False
    is_django: bool = False

    @property
    def is_local(self) -> bool:
        """Whether the code names the machine itself as the host, or none."""
        return self.fixed.get("host", "" if "host" not in self.variables else "?") in LOCAL

    @property
    def is_other(self) -> bool:
        """Whether it is a database of another kind: SQLite, MySQL."""
        return not re.search("postg", self.fixed.get("engine", "postgresql")) and "engine" not in self.variables


def find(modules: Sequence[Module]) -> list[Place]:
    """The places in an app's code.

    Args:
        modules: The modules that its processes load.
    """
    return [place for module in modules if module.has(*MENTIONED) for place in _of_module(module)]


def _of_module(module: Module) -> Iterator[Place]:
    for node in module.nodes:
        if isinstance(node, ast.Dict) and "ENGINE" in (keys := [syntax.text_of(key) for key in node.keys]):
            yield _place(module, node, dict(zip(keys, node.values, strict=True)), is_django=True)
        elif isinstance(node, ast.Call) and CALLS.match(module.origin(node.func)):
            given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg in PARTS}
            if "host" in given and {"dbname", "database"} & given.keys():
                place = _place(module, node, {name: value for name, value in given.items() if name})
                yield from [] if place.is_other else [place]
        elif isinstance(node, ast.JoinedStr):
            values = [value.value for value in node.values if isinstance(value, ast.FormattedValue)]
            if match := URL.fullmatch(_template(node)):
                parts = {name.upper(): values[int(number)] for name, number in match.groupdict().items() if number}
                yield _place(module, node, parts, is_url=True)


def _place(
    module: Module, node: ast.expr, said: Mapping[str, ast.expr], *, is_url: bool = False, is_django: bool = False
) -> Place:
    variables: dict[Part, str] = {}
    fixed: dict[Part, str] = {}
    for name, expression in said.items():
        if name in PARTS:
            variable, text = _read(module, expression)
            variables.update({PARTS[name]: variable} if variable else {})
            fixed.update({} if text is None else {PARTS[name]: text})
    return Place(f"{module.path} line {node.lineno}", variables, fixed, is_url, is_django)


def _read(module: Module, node: ast.expr, depth: int = 0) -> tuple[str, str | None]:
    """The variable that an expression reads, empty if none; and its text or default, None if it has none.

    Args:
        module: The module.
        node: The expression.
        depth: How many expressions led here.
    """
    match node:
        case ast.Constant():
            return "", str(node.value or "")
        case ast.Subscript(value=owner) if "os.environ" in module.origins(owner):
            return syntax.text_of(node.slice), None
        case ast.Call(args=[ast.Constant(value=str() as name), *more]) if READERS.search(module.origin(node.func)):
            defaults = [*(each.value for each in node.keywords if each.arg == "default"), *more]
            return name, _read(module, defaults[0], depth + 1)[1] if defaults and depth < DEEPEST else None
    inner = _inner(module, node) if depth < DEEPEST else []
    found = [_read(module, each, depth + 1) for each in inner]
    return next((name for name, _ in found if name), ""), next((text for _, text in found if text is not None), None)


def _inner(module: Module, node: ast.expr) -> list[ast.expr]:
    """The expressions that one stands for: what its name is assigned, both sides of ``or``, ``x`` of ``int(x)``."""
    match node:
        case ast.Name(id=name) if name in module.names:
            return [module.names[name]]
        case ast.BoolOp():
            return node.values[:2]
        case ast.Call(func=ast.Name(id="str" | "int"), args=[inner]):
            return [inner]
        case _:
            return []


def _template(node: ast.JoinedStr) -> str:
    """The text of an f-string, with a number between zero bytes for each expression."""
    numbers = iter(range(len(node.values)))
    return "".join(
        f"\0{next(numbers)}\0" if isinstance(value, ast.FormattedValue) else syntax.text_of(value)
        for value in node.values
    )
