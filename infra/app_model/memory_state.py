"""Finds out whether an app keeps its state in its own memory, so that two workers of it would disagree."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator

from infra.app_model import generated_secrets, places, python_source, state_lines, syntax
from infra.app_model.python_source import Module
from infra.app_model.sources import Sources
from infra.app_model.state_lines import CHANGES, CONTAINERS
from infra.app_model.syntax import Function

SCHEDULERS = frozenset({"BackgroundScheduler", "AsyncIOScheduler", "GeventScheduler", "APScheduler"})
RANDOM = frozenset({"os.urandom", "secrets.token_hex", "secrets.token_bytes", "secrets.token_urlsafe", "uuid.uuid4"})
"""What makes another value in each worker."""
IN_MEMORY = "which is in the memory of one worker"
AT_START = re.compile(
    r"_*(?:init|initiali[sz]e|set_?up|configure|bootstrap|discover|load_(?:plugins|modules|models|settings|config))(?:_\w+)?"
)
"""Names of functions that an app calls when it starts: each worker does that for itself, and comes to the same."""
WEBSOCKET = (".websocket", ".ws", "WebsocketConsumer", "WebSocketEndpoint", "flask_socketio")
MAKES_SECRET = tuple(name.rpartition(".")[2] for name in sorted(RANDOM))
OTHER = (*SCHEDULERS, ":memory:", "sqlite://")
"""What a text must have for the question to be worth a parse."""
Key = tuple[str, str]
"""A name at the top level of a module, with the module's path."""


def reason(sources: Sources, modules: list[Module]) -> str:
    """Why several workers would disagree: which file, and what in it; empty if nothing says so.

    Args:
        sources: The app's files.
        modules: The modules that its web process may load.
    """
    changed: dict[str, set[str]] = {}
    elsewhere: set[str] = set()
    for module in modules:
        here = state_lines.changed(module.text)
        changed[module.path] = {name.rpartition(".")[2] for name in here}
        imported = {name.rpartition(".")[2] for name in module.mentioned}
        elsewhere |= {name.rpartition(".")[2] for name in here if "." in name or name in imported}
    made = [module for module in modules if state_lines.made(module) & (changed[module.path] | elsewhere)]
    kept = {(module.path, name) for module in made for name in _containers(module)}
    names = {name for _, name in kept}
    checks: tuple[tuple[Callable[[Module], str], Callable[[Module], object]], ...] = (
        (lambda module: _changed(sources, module, kept), lambda module: names & changed[module.path]),
        (_reassigned, lambda module: "global " in module.text),
        (_objects, state_lines.has_objects),
        (_websockets, lambda module: module.has(*WEBSOCKET)),
        (_random_key, lambda module: module.has(*MAKES_SECRET) and "secret" in module.text.lower()),
        (_other, lambda module: module.has(*OTHER)),
    )
    for check, is_worth_it in checks:
        for module in modules:
            if is_worth_it(module) and (found := check(module)):
                return found
    return ""


def _containers(module: Module) -> Iterator[str]:
    for item in module.assigned:
        if item.guarded or state_lines.is_harmless(item.name):
            continue
        if _is_container(module, item.value):
            yield item.name


def _is_container(module: Module, value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return module.origin(value.func) in CONTAINERS
    return isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)


def _changed(sources: Sources, module: Module, kept: set[Key]) -> str:
    """A container of any module that a function of this one changes."""
    for function in _functions(module):
        if AT_START.fullmatch(function.name):
            continue
        own = _locals(function)
        for changed in _changes(function):
            key = _key(sources, module, changed, own)
            if key in kept:
                where = "" if key[0] == module.path else f" of {key[0]}"
                return f"{module.path}: {function.name}() changes {key[1]}{where}, {IN_MEMORY}"
    return ""


def _key(sources: Sources, module: Module, node: ast.expr, own: set[str]) -> Key:
    """Which name at the top level an expression means; the outermost, of ``todos[1]["done"]`` it is ``todos``."""
    while isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Name) and node.id in own:
        return ("", "")
    origin = python_source.absolute(module, module.origin(node), places.import_root(sources, module))
    head, _, name = origin.rpartition(".")
    if not head:
        return (module.path, name)
    owner = sources.find(head, places.roots(module))
    return (owner.path, name) if owner else ("", "")


def _changes(function: ast.AST) -> Iterator[ast.expr]:
    """The expressions whose value a function changes in place."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
            yield node.func.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "next":
            yield from node.args[:1]
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            yield node.value


def _reassigned(module: Module) -> str:
    """A number, text or container that a function replaces by ``global``; None stands for what is made later."""
    plain = {
        item.name
        for item in module.assigned
        if _is_container(module, item.value) or (isinstance(item.value, ast.Constant) and item.value.value is not None)
    }
    for function in _functions(module) if plain else []:
        nodes = list(ast.walk(function))
        declared = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
        stored = {node.id for node in nodes if isinstance(node, ast.Name) and _stores(node)} if declared else set()
        counted = sorted(name for name in declared & plain & stored if not state_lines.is_harmless(name))
        if counted:
            return f"{module.path}: {function.name}() changes the global {counted[0]}, {IN_MEMORY}"
    return ""


def _objects(module: Module) -> str:
    """An object at the top level that collects something in itself."""
    for item in module.assigned:
        made = item.value.func if isinstance(item.value, ast.Call) else None
        owner = module.classes.get(made.id) if isinstance(made, ast.Name) else None
        if item.guarded or owner is None or not (names := _kept_attributes(module, owner)):
            continue
        for method in owner.body:
            if isinstance(method, Function) and method.name != "__init__":
                changed = {name for node in _changes(method) if (name := _own_attribute(node)) in names}
                if changed:
                    what = f"{item.name}.{sorted(changed)[0]}"
                    return f"{module.path}: {owner.name}.{method.name}() changes {what}, {IN_MEMORY}"
    return ""


def _kept_attributes(module: Module, owner: ast.ClassDef) -> set[str]:
    """The attributes that an object of a class makes containers of."""
    names = set()
    for node in ast.walk(owner):
        if isinstance(node, ast.Assign) and _is_container(module, node.value):
            names |= {_own_attribute(target) for target in node.targets}
        elif isinstance(node, ast.AnnAssign) and node.value is not None and _is_container(module, node.value):
            names.add(_own_attribute(node.target))
    return {name for name in names if name and not state_lines.is_harmless(name)}


def _own_attribute(node: ast.expr) -> str:
    while isinstance(node, ast.Subscript):
        node = node.value
    is_own = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
    return node.attr if is_own and isinstance(node, ast.Attribute) else ""


def _websockets(module: Module) -> str:
    """Connections that only the worker knows that has them."""
    for node in _functions(module):
        for decorator in node.decorator_list:
            call = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(call, ast.Attribute) and call.attr in ("websocket", "ws", "websocket_route"):
                return f"{module.path}: {node.name}() serves WebSockets, which only the worker knows that has them"
    for owner in module.classes.values():
        if any(module.origin(base).endswith(("WebsocketConsumer", "WebSocketEndpoint")) for base in owner.bases):
            return f"{module.path}: {owner.name} serves WebSockets, which only the worker knows that has them"
    if "flask_socketio" in module.packages:
        return f"{module.path} uses Flask-SocketIO, whose clients have to meet the same worker each time"
    return ""


def _random_key(module: Module) -> str:
    """A secret key that each worker makes anew, so that one does not accept the sessions of another."""
    for node in module.nodes:
        values = ast.walk(node.value) if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.Assign) and any(
            isinstance(call, ast.Call) and module.origin(call.func) in RANDOM for call in values
        ):
            texts = {syntax.text_of(part) for part in ast.walk(node.value)}
            if texts & generated_secrets.NAMES:
                continue  # it is read from the environment, and made only where nobody set it: so we set it
            text = ast.get_source_segment(module.text, node.targets[0]) or ""
            if "secret" in text.lower():
                return f"{module.path}: {text} is another one in each worker"
    return ""


def _other(module: Module) -> str:
    """A database in memory, or a scheduler that would do everything once for each worker."""
    for call in module.calls:
        name = module.origin(call.func).rpartition(".")[2]
        if name in SCHEDULERS:
            return f"{module.path} starts a {name}, which would run each job in each worker"
        texts = [syntax.text_of(argument) for argument in call.args]
        if any(text in (":memory:", "sqlite://") or text.endswith(":///:memory:") for text in texts):
            return f"{module.path} has a database in the memory of one worker"
    return ""


def _functions(module: Module) -> Iterable[Function]:
    return [node for node in module.nodes if isinstance(node, Function)]


def _locals(function: Function) -> set[str]:
    """The names that a function binds for itself."""
    arguments = function.args
    given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    declared = {name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names}
    stored = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and _stores(node)}
    return ({one.arg for one in given if one} | stored) - declared


def _stores(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)
