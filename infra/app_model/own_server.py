"""Finds programs that listen by themselves, as those of Tornado and aiohttp do, mostly on a port of their own.

They run under ``launchpad_serve.py``, which has them listen on ``$HOST:$PORT`` whatever they name.
"""

from __future__ import annotations

import ast
import re
from pathlib import PurePosixPath

from infra.app_model import places, python_source
from infra.app_model.frameworks import DASH, FLASK
from infra.app_model.python_source import Module
from infra.app_model.sources import Sources
from infra.protocol import paths

STARTS = {
    "aiohttp.web.run_app": "aiohttp",
    "aiohttp.web.TCPSite": "aiohttp",
    "nicegui.ui.run": "NiceGUI",
    "bottle.run": "Bottle",
    "uvicorn.run": "uvicorn",
    "uvicorn.Server": "uvicorn",
    "uvicorn.Config": "uvicorn",
    "hypercorn.asyncio.serve": "Hypercorn",
    "waitress.serve": "waitress",
    "waitress.create_server": "waitress",
    "werkzeug.serving.run_simple": "Werkzeug",
    "wsgiref.simple_server.make_server": "wsgiref",
    "cheroot.wsgi.Server": "Cheroot",
    "http.server.HTTPServer": "http.server",
    "http.server.ThreadingHTTPServer": "http.server",
    "socketserver.TCPServer": "http.server",
    "socketserver.ThreadingTCPServer": "http.server",
    "fasthtml.common.serve": "FastHTML",
}
"""The functions and classes with which a program listens, and whose they are."""
METHODS = {"listen": "tornado", "bind": "tornado", "run": "sanic"}
"""Methods with which an object of a package listens: the object may be anything."""
TITLES = {"tornado": "Tornado", "sanic": "Sanic"}
OPTIONS = {"nicegui": " --nicegui", "tornado": " --tornado"}
"""What ``launchpad_serve.py`` has to know about the program, by the package that it imports."""
LISTENING = tuple(
    sorted({name.rpartition(".")[0].partition(".")[0] for name in STARTS} - {"http"} | {*METHODS.values()})
)
"""What a text must have for a parse to be worth it."""
READS_PORT = re.compile(r"""(?:environ|getenv|env|config)\b[^\n]{0,40}["']PORT["']""")
"""A program that takes the port from its environment."""


def starts(module: Module) -> str:
    """What a module listens with; empty if it does not listen."""
    for call in module.calls if module.has("http.server", *LISTENING) else ():
        for origin in module.origins(call.func):
            if origin in STARTS:
                return STARTS[origin]
        if isinstance(call.func, ast.Attribute) and (package := METHODS.get(call.func.attr)) in module.packages:
            return TITLES[package] if package else ""
    return ""


def blocks_import(module: Module, apps: dict[str, object]) -> str:
    """What a module starts as soon as it is imported, so that no server program can load it; empty if nothing.

    Args:
        module: The module.
        apps: The framework of each app in it, by name.
    """
    for item, guarded in module.statements:
        call = item.value if isinstance(item, ast.Expr) else None
        if guarded or not isinstance(call, ast.Call):
            continue
        for origin in module.origins(call.func):
            if origin in STARTS and origin != "fasthtml.common.serve":
                return f"{origin}()"
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("run", "listen", "serve"):
            owner = call.func.value
            # Flask's own run does nothing while FLASK_RUN_FROM_CLI is set, and Dash calls that.
            if isinstance(owner, ast.Name) and apps.get(owner.id, FLASK) not in (FLASK, DASH):
                return f"{owner.id}.{call.func.attr}()"
    return ""


def reads_port(module: Module) -> bool:
    """Whether a program takes its port from ``$PORT``."""
    return bool(READS_PORT.search(module.text))


def bottle(module: Module, name: str = "") -> str:
    """The app of a Bottle program for a server program; empty if it is none.

    Bottle's own ``load_app`` imports a module in which ``run()`` does nothing. Source: Bottle's API reference.

    Args:
        module: The program.
        name: The name of its app; empty for the one that Bottle makes.
    """
    where = python_source.dotted(module.path)
    if not where or "bottle" not in module.packages:
        return ""
    return f"bottle:load_app('{where}:{name}')" if name else f"bottle:load_app('{where}')"


def command(sources: Sources, module: Module) -> str:
    """The command that starts a program."""
    inside = sources.has(str(PurePosixPath(module.path).parent / "__init__.py")) or any(
        origin.startswith(".") for origin in module.imports.values()
    )
    root = places.import_root(sources, module)
    path = PurePosixPath(module.path)
    name = python_source.dotted(str(path.relative_to(root) if root else path))
    what = f"-m {name.removesuffix('.__main__')}" if inside and name and not root else quoted(module.path)
    option = next((option for package, option in OPTIONS.items() if package in module.packages), "")
    return f"python {what}" if reads_port(module) and not option else f"python {paths.SERVE}{option} {what}"


def quoted(path: str) -> str:
    """A path as a word of a command line."""
    return path if re.fullmatch(r"[A-Za-z0-9_./-]+", path) else "'" + path.replace("'", "'\\''") + "'"
