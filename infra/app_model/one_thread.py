"""Decides whether the web process may answer with several threads."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator

from infra.app_model import reach
from infra.app_model.python_source import Module
from infra.app_model.sources import Sources
from infra.app_model.start import Start
from infra.app_model.start_command import GUNICORN

CONNECT = "sqlite3.connect"
ANY_THREAD = "check_same_thread"
ASSIGNED = re.compile(r"\w+\s*(?::[^=\n]+)?=\s*(?:\w+\.)*(\w+)\(")


def serve(sources: Sources, found: Start) -> Start:
    """How an app starts, with one thread in each worker where its SQLite connection works in one alone.

    sqlite3 refuses a connection in any thread but the one that opened it, unless it is told otherwise. A connection
    that is opened when a module is imported belongs to the thread that also answers, if that is the only one.

    Args:
        sources: The app's files.
        found: How it starts.
    """
    if not found.command.startswith(f"{GUNICORN} "):
        return found
    modules = reach.reachable(sources, found.files or [found.path], [found.command])
    where = next((place for module in _worth_it(modules) if (place := _connection(sources, module))), "")
    if not where:
        return found
    command = f"gunicorn {found.command.removeprefix(GUNICORN).lstrip()}"
    reason = f"{found.reason}; with one thread, as {where} opens an SQLite connection that works in no other"
    return dataclasses.replace(found, command=command, reason=reason)


def _worth_it(modules: list[Module]) -> Iterator[Module]:
    """The modules whose text says that they may open a connection, or make an object of a class that does."""
    opening = [module for module in modules if module.has("sqlite3") and module.has("connect(")]
    made = {name for module in opening for name in re.findall(r"class[ \t]+(\w+)", module.text)}
    opens = {module.path for module in opening}
    return (module for module in modules if module.path in opens or made & set(_called(module)))


def _called(module: Module) -> Iterator[str]:
    """The names that a module calls at its top level to assign what they return."""
    return (match[1] for line in module.top if (match := ASSIGNED.match(line)))


def _connection(sources: Sources, module: Module) -> str:
    """Where importing a module opens a connection for its own thread alone; empty if it does not."""
    for item in module.assigned:
        if item.guarded or not isinstance(item.value, ast.Call):
            continue
        if _opens(module, item.value) or _is_made_with_one(sources, module, item.value):
            return f"{module.path} line {item.value.lineno}"
    return ""


def _opens(module: Module, node: ast.AST) -> bool:
    """Whether a piece of code calls ``sqlite3.connect`` without saying that other threads may use the connection."""
    return (
        isinstance(node, ast.Call)
        and module.origin(node.func) == CONNECT
        and not any(keyword.arg in (ANY_THREAD, None) for keyword in node.keywords)
    )


def _is_made_with_one(sources: Sources, module: Module, call: ast.Call) -> bool:
    """Whether a call makes an object of a class of the app that keeps such a connection from the start."""
    origin = module.origin(call.func)
    head, _, name = origin.rpartition(".")
    owner = sources.find(head, ("", "src")) if head else module
    made = owner.classes.get(name) if owner else None
    if owner is None or made is None:
        return False
    begins = [one for one in made.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
    kept = [node for begin in begins for node in ast.walk(begin) if isinstance(node, ast.Assign)]
    return any(_opens(owner, node.value) and isinstance(node.targets[0], ast.Attribute) for node in kept)
