"""Finds the secrets that an app reads from its environment and that any random text serves for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from infra.app_model import syntax
from infra.app_model.build_plan import Decision
from infra.app_model.python_source import Module
from infra.protocol.specs import DeploySpec

NAMES = frozenset(
    {
        *("SECRET_KEY", "DJANGO_SECRET_KEY", "FLASK_SECRET_KEY", "APP_SECRET_KEY", "APP_SECRET", "QUART_SECRET_KEY"),
        *("SESSION_SECRET", "SESSION_SECRET_KEY", "SESSION_KEY", "COOKIE_SECRET", "COOKIE_SECRET_KEY"),
        *("JWT_SECRET", "JWT_SECRET_KEY", "JWT_SIGNING_KEY", "AUTH_SECRET", "TOKEN_SECRET", "SIGNING_KEY"),
        *("WTF_CSRF_SECRET_KEY", "CSRF_SECRET", "CSRF_SECRET_KEY", "SECURITY_PASSWORD_SALT", "HASHIDS_SALT"),
        *("STORAGE_SECRET", "CHAINLIT_AUTH_SECRET", "WEB_SECRET_KEY", "DJANGO_SECRET"),
    }
)
"""Secrets between an app and itself. What another service has to know (an API key, a password) is none of them."""
MENTIONED = ("SECRET", "_KEY", "_SALT", "from_prefixed_env", "BaseSettings")
"""What a text must have for a parse to be worth it: a part of each of the names, or what reads them by others."""
QUOTED = tuple(quote + name + quote for name in sorted(NAMES) for quote in "\"'")
READERS = frozenset(
    {
        *("os.getenv", "getenv", "os.environ.get", "environ.get", "os.environ.pop", "os.environ.setdefault"),
        *("decouple.config", "environs.Env", "starlette.config.Config", "dynaconf.settings"),
    }
)
"""Functions that read a variable, by their full names."""
METHODS = frozenset({"str", "get", "get_value", "getenv", "config"})
"""Methods of objects that read the environment, where the object is called like one."""
OBJECTS = re.compile(r"(?:^|[._])(?:env|environ|config|environment)$", re.IGNORECASE)


def choose(modules: list[Module], spec: DeploySpec) -> tuple[tuple[str, ...], tuple[Decision, ...]]:
    """The secrets that have to be made, and why.

    Args:
        modules: The modules that the app's processes may load.
        spec: The settings: what is set there is not made.
    """
    given = {*dict(spec.env), *dict(spec.secrets)}
    found: dict[str, str] = {}
    for module in modules:
        for name in _read(module) if _is_worth_it(module) else ():
            if name in NAMES and name not in given:
                found.setdefault(name, module.path)
    decisions = [
        Decision(
            "generated secret",
            name,
            f"{where} reads it from the environment, and it is not set; a random one is kept in the stack's state",
            f"launchpad:secrets.{name}",
        )
        for name, where in sorted(found.items())
    ]
    return tuple(sorted(found)), tuple(decisions)


def _is_worth_it(module: Module) -> bool:
    """Whether the text alone says that a secret may be read."""
    return module.has(*MENTIONED) and module.has(*QUOTED, *MENTIONED[3:])


def _read(module: Module) -> Iterator[str]:
    """The variables that a module reads."""
    for node in module.nodes:
        if isinstance(node, ast.Subscript) and module.origin(node.value).endswith("environ"):
            yield syntax.text_of(node.slice)
        elif isinstance(node, ast.Call):
            if _reads(module, node):
                yield syntax.text_of(node.args[0])
            if isinstance(node.func, ast.Attribute) and node.func.attr == "from_prefixed_env" and not node.args:
                yield "FLASK_SECRET_KEY"
        elif isinstance(node, ast.ClassDef):
            yield from _fields(module, node)


def _reads(module: Module, call: ast.Call) -> bool:
    if not call.args:
        return False
    called = module.origin(call.func)
    if called in READERS or OBJECTS.search(called):
        return True
    is_method = isinstance(call.func, ast.Attribute) and call.func.attr in METHODS
    return is_method and isinstance(call.func, ast.Attribute) and bool(OBJECTS.search(module.origin(call.func.value)))


def _fields(module: Module, node: ast.ClassDef) -> Iterator[str]:
    """The variables that pydantic reads for the fields of a class of settings."""
    if not any(module.origin(base).endswith("BaseSettings") for base in node.bases):
        return
    prefix = ""
    for inner in ast.walk(node):
        if (isinstance(inner, ast.keyword) and inner.arg == "env_prefix") or (
            isinstance(inner, ast.Assign)
            and isinstance(inner.targets[0], ast.Name)
            and inner.targets[0].id == "env_prefix"
        ):
            prefix = syntax.text_of(inner.value)
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            yield f"{prefix}{item.target.id}".upper()
