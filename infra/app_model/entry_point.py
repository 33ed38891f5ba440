"""Finds the object or function of an app that a server program calls, and what made it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from infra.app_model import places, python_source, syntax
from infra.app_model.frameworks import ASGI, DASH, FLASK, MAKERS, PYRAMID, WSGI, Framework
from infra.app_model.python_source import Module
from infra.app_model.sources import Sources
from infra.app_model.syntax import Function

NAMES = ("app", "application", "server", "asgi_app", "wsgi_app", "api", "socket_app", "webapp", "web", "site")
"""What people call the app, the likeliest first."""
FACTORIES = (
    *("create_app", "make_app", "get_app", "build_app", "create_application", "make_application", "get_application"),
    *("app_factory", "application_factory", "create_api", "create_server", "create_wsgi_app", "create_asgi_app"),
)
"""What people call the function that makes it."""
LIKE_APP = r"(?:\w*_)?(?:app|application|server|api|site)(?:_\w*)?"
MAKING = tuple({f"{maker.rpartition('.')[2]}(" for maker in MAKERS} - {"app("})
_NAMES = "|".join(NAMES)
IMPORTING = re.compile(rf"import (?:[^\n#(]*|\s*\([^)]{0, 9000})\b(?:{_NAMES})\b")
NAMING = re.compile(rf"(?:{_NAMES})\s*[:=,]|(?:async )?def {LIKE_APP}\(|\w+\s*=\s*(?:\w+\.)*{LIKE_APP}\b")
"""What a text must have for a parse to be worth it: what makes an app, or a name that sounds like one."""
DEEPEST = 12
"""How many names and modules lead from an app's name to what makes it, at most."""


@dataclass(frozen=True)
class Entry:
    """What a server program calls.

    Attributes:
        module: The module that has it.
        root: The folder that imports start from; empty for the app's directory.
        name: Its name in the module.
        framework: What it is an app of.
        factory: Whether it is a function that makes the app.
        attribute: The attribute that is called instead of it, such as the ``server`` of Dash; mostly empty.
    """

    module: Module
    root: str
    name: str
    framework: Framework
    factory: bool = False
    attribute: str = ""

    @property
    def imported(self) -> str:
        """The name under which a server program imports the module."""
        path = PurePosixPath(self.module.path)
        return python_source.dotted(str(path.relative_to(self.root) if self.root else path))

    @property
    def what(self) -> str:
        """What was found, for a person."""
        if self.factory:
            return f"{self.module.path} has a function {self.name}() that makes a {self.framework.name} app"
        return f"{self.module.path} has a {self.framework.name} app called {self.name}"


def of_module(sources: Sources, module: Module, *, factories: bool) -> Entry | None:
    """The app in a module, or with ``factories`` the function that makes one; None if it has none."""
    if not python_source.dotted(module.path) or not _is_worth_it(module):
        return None
    root = places.import_root(sources, module)
    reader = Reader(sources)
    found = reader.factories(module) if factories else reader.objects(module)
    usual = FACTORIES if factories else NAMES
    for name in sorted(found, key=lambda name: usual.index(name) if name in usual else len(usual)):
        framework = found[name]
        if framework.interface == "own":
            continue
        if framework is DASH and not factories:
            servers = [other for other, kind in found.items() if kind is FLASK]
            return (
                Entry(module, root, servers[0], DASH)
                if servers
                else Entry(module, root, name, DASH, attribute="server")
            )
        return Entry(module, root, name, framework, factory=factories)
    return None


def _is_worth_it(module: Module) -> bool:
    """Whether the text alone says that there may be an app."""
    if module.has("bottle", *MAKING) or IMPORTING.search(module.text):
        return True
    return any(NAMING.match(line) for line in module.top)


class Reader:
    """Follows names through an app's modules to the framework that made what they stand for."""

    def __init__(self, sources: Sources) -> None:
        """Begin."""
        self.sources = sources
        self.seen: set[tuple[str, str]] = set()

    def objects(self, module: Module) -> dict[str, Framework]:
        """The apps that a module has at its top level, by name."""
        found: dict[str, Framework] = {}
        for item in module.assigned:
            if item.guarded:
                continue
            self.seen = set()
            if framework := self.kind(module, item.value) or self._wrapped(found, item):
                found[item.name] = framework
        for name, origin in module.imports.items():
            self.seen = set()
            if name in NAMES and (framework := self._elsewhere(module, origin)):
                found.setdefault(name, framework)
        for name, function in module.functions.items():
            if name in NAMES and (framework := _callable(function)):
                found.setdefault(name, framework)
        return found

    def factories(self, module: Module) -> dict[str, Framework]:
        """The functions of a module that make an app, and need no argument."""
        found: dict[str, Framework] = {}
        for name, function in module.functions.items():
            self.seen = set()
            usable = isinstance(function, ast.FunctionDef) and not syntax.required(function)
            if usable and (framework := self.returned(module, function)):
                found[name] = framework
        return found

    def kind(self, module: Module, value: ast.expr, local: dict[str, ast.expr] | None = None) -> Framework | None:
        """What an expression is an app of; None if of nothing known.

        Args:
            module: The module that has it.
            value: The expression.
            local: The names of the function around it.
        """
        if isinstance(value, ast.Call):
            return self._made(module, value)
        if isinstance(value, ast.IfExp):
            return self.kind(module, value.body, local) or self.kind(module, value.orelse, local)
        if isinstance(value, ast.Attribute) and value.attr == "server":
            return FLASK if self.kind(module, value.value, local) is DASH else None
        return self._named(module, value.id, local) if isinstance(value, ast.Name) else None

    def returned(self, module: Module, function: Function) -> Framework | None:
        """What the app is of that a function returns."""
        if (module.path, f"{function.name}()") in self.seen or len(self.seen) > DEEPEST:
            return None
        self.seen.add((module.path, f"{function.name}()"))
        nodes = list(ast.walk(function))
        local = {name: value for node in nodes for name, value in syntax.assignments(node)}
        values = [node.value for node in nodes if isinstance(node, ast.Return) and node.value is not None]
        return next((kind for value in values if (kind := self.kind(module, value, local))), None)

    def _made(self, module: Module, call: ast.Call) -> Framework | None:
        if isinstance(call.func, ast.Attribute) and call.func.attr == "make_wsgi_app":
            return PYRAMID
        for origin in module.origins(call.func):
            if framework := MAKERS.get(origin):
                return framework
        return self._elsewhere(module, module.origin(call.func), call=True)

    def _named(self, module: Module, name: str, local: dict[str, ast.expr] | None) -> Framework | None:
        if (module.path, name) in self.seen or len(self.seen) > DEEPEST:
            return None
        self.seen.add((module.path, name))
        if local and name in local:
            return self.kind(module, local[name], local)
        values = [item.value for item in module.assigned if item.name == name and not item.guarded]
        for value in reversed(values):
            if framework := self.kind(module, value):
                return framework
        return self._elsewhere(module, module.imports.get(name, ""))

    def _elsewhere(self, module: Module, origin: str, *, call: bool = False) -> Framework | None:
        """What a name of this or another of the app's modules stands for, or what calling it makes."""
        origin = python_source.absolute(module, origin, places.import_root(self.sources, module))
        head, _, name = origin.rpartition(".")
        if not name:
            return None
        owner = self.sources.find(head, places.roots(module)) if head else module
        if owner is None:
            return None
        if not call:
            function = owner.functions.get(name)
            return (_callable(function) if function else None) or self._named(owner, name, None)
        if name in owner.functions:
            return self.returned(owner, owner.functions[name])
        bases = owner.classes[name].bases if name in owner.classes else []
        found = [MAKERS[origin] for base in bases for origin in owner.origins(base) if origin in MAKERS]
        if not found and name in owner.imports and len(self.seen) < DEEPEST:
            self.seen.add((owner.path, f"{name}()"))
            return self._elsewhere(owner, owner.imports[name], call=True) if owner is not module else None
        return found[0] if found else None

    def _wrapped(self, found: dict[str, Framework], item: python_source.Assigned) -> Framework | None:
        """What the app is of that something is put around, as in ``app = ProxyFix(app)``."""
        if item.name not in NAMES or not isinstance(item.value, ast.Call):
            return None
        given = [*item.value.args, *(keyword.value for keyword in item.value.keywords)]
        inner = [found[one.id] for one in given if isinstance(one, ast.Name) and one.id in found]
        return inner[0] if inner else None


def _callable(function: Function) -> Framework | None:
    """WSGI or ASGI, if that is what a function's parameters say."""
    names = [one.arg for one in function.args.args]
    if isinstance(function, ast.AsyncFunctionDef):
        return ASGI if names == ["scope", "receive", "send"] else None
    return WSGI if len(names) == 2 and names[0] in ("environ", "env") and names[1].startswith("start") else None
