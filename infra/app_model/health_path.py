"""Chooses the path of the health check: ``/``, unless the app says clearly that it has only another one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from infra.app_model import syntax
from infra.app_model.build_plan import Decision
from infra.app_model.python_source import Module
from infra.app_model.syntax import Function

USUAL = (
    *("/healthz", "/health", "/livez", "/readyz", "/up", "/ping", "/_health", "/health/", "/healthz/", "/healthcheck"),
    *("/status", "/api/health", "/api/healthz", "/api/v1/health", "/ping/", "/up/", "/health/live"),
)
"""The paths of health checks, the likeliest first."""
ROUTES = frozenset(
    {"route", "get", "api_route", "add_url_rule", "add_route", "add_get", "add_api_route", "add_resource"}
)
"""Methods and decorators that take a path first."""
CLASSES = frozenset({"Route", "Mount", "path", "re_path", "url", "get", "view", "URLSpec", "WebSocketRoute"})
"""Functions that take a path first, and whose module says that it is one."""
MODULES = ("starlette", "fastapi", "django", "aiohttp", "tornado", "litestar", "blacksheep", "falcon")
INCLUDERS = ("mount", "register_blueprint", "Mount", "StaticFiles", "add_static", "include", "add_middleware")
"""What may serve ``/`` besides: files, another app, or a router below a path."""
PATH = re.compile(r"\(\s*\w?[\"'](?:/|[\"'])")
CALLED = re.compile(rf"\b(?:{'|'.join(sorted(ROUTES))})\Z")
CALLS = tuple(f"{name}(" for name in sorted(CLASSES - ROUTES))
IMPORTS = tuple(f"{word} {name}" for name in MODULES for word in ("from", "import"))
"""What a text must have for a parse to be worth it."""


def choose(modules: list[Module], framework: str) -> tuple[str, tuple[Decision, ...]]:
    """The path, and the decision that the preview shows where it is not ``/``.

    Args:
        modules: The modules that the web process may load.
        framework: The app's framework.
    """
    if framework == "Django":
        return _django(modules)
    if _includes(module for module in modules if module.has(*(f"{name}(" for name in INCLUDERS))):
        return "/", ()
    paths = _all_paths(modules)
    if not paths or {"", "/"} & set(paths):
        return "/", ()
    slash = {path if path.startswith("/") else f"/{path}": where for path, where in paths.items()}
    for path in USUAL:
        if path in slash:
            reason = f"{slash[path]} serves {path}, and nothing serves /"
            return path, (Decision("health path", path, reason, "launchpad:health_path"),)
    if framework == "FastAPI" and not _without_docs(modules):
        reason = "FastAPI serves its own documentation there, and nothing serves /"
        return "/docs", (Decision("health path", "/docs", reason, "launchpad:health_path"),)
    return "/", ()


def _all_paths(modules: list[Module]) -> dict[str, str]:
    """The paths that are served, each with the first module that has it, up to the module that serves ``/``."""
    paths: dict[str, str] = {}
    for module in modules:
        for path in _paths(module) if _is_worth_it(module) else ():
            paths.setdefault(path, module.path)
        if {"", "/"} & set(paths):
            break
    return paths


def _is_worth_it(module: Module) -> bool:
    """Whether the text alone says that there may be a path."""
    text = module.text
    if module.has("tornado", ".route()", ".get()", ".page(") or (module.has(*IMPORTS) and module.has(*CALLS)):
        return True
    return any(CALLED.search(text, max(0, match.start() - 20), match.start()) for match in PATH.finditer(text))


def _django(modules: list[Module]) -> tuple[str, tuple[Decision, ...]]:
    """The page where Django's admin asks for a password, if the project's own URLs have that and nothing at ``/``."""
    own = [module for module in modules if module.path.endswith("urls.py") and "admin.site.urls" in module.text]
    if len(own) != 1 or "router" in own[0].text.lower():
        return "/", ()
    paths = _paths(own[0])
    admin = [path for path in paths if path.strip("/") == "admin"]
    if not admin or any(path in ("", "/") or not path.strip("/").replace("-", "").isalnum() for path in paths):
        return "/", ()
    reason = f"{own[0].path} has Django's admin, and nothing at /"
    return "/admin/login/", (Decision("health path", "/admin/login/", reason, "launchpad:health_path"),)


def _paths(module: Module) -> list[str]:
    found = []
    for call in module.calls:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        called = module.origin(call.func)
        is_route = name in ROUTES or (
            called.rpartition(".")[2] in CLASSES and called.startswith(MODULES) and not name.startswith("add_")
        )
        first = call.args[0] if call.args else None
        if is_route and isinstance(first, ast.Constant) and isinstance(first.value, str):
            text = first.value
            if name in ROUTES and not text.startswith("/") and text:
                continue  # request.args.get("name")
            found.append(text.removeprefix("^").removesuffix("$"))
    for node in module.nodes:
        if "tornado" in module.packages and isinstance(node, ast.Tuple) and len(node.elts) >= 2:
            text = syntax.text_of(node.elts[0])
            found += [text.removesuffix("$")] if text.startswith("/") else []
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is_bare(node):
            found.append("/")
    return found


def _is_bare(node: Function) -> bool:
    """Whether a function has a decorator of a route without any path, so that its path is anything."""
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute):
            known = decorator.func.attr in ("route", "get", "page")
            if known and not (decorator.args and syntax.text_of(decorator.args[0]).startswith("/")):
                return True
    return False


def _includes(modules: Iterable[Module]) -> bool:
    """Whether something else may serve ``/``."""
    return any(syntax.called_name(call) in INCLUDERS for module in modules for call in module.calls)


def _without_docs(modules: list[Module]) -> bool:
    words = ("docs_url", "openapi_url", "root_path")
    asked = [module for module in modules if module.has(*words)]
    return any(keyword.arg in words for module in asked for call in module.calls for keyword in call.keywords)
