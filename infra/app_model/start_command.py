"""The command lines of server programs, for an app that was found."""

from __future__ import annotations

from infra.app_model import own_server, places
from infra.app_model.django import Project
from infra.app_model.entry_point import Entry
from infra.app_model.own_server import quoted
from infra.app_model.python_source import Module
from infra.app_model.sources import Sources
from infra.protocol import paths

GUNICORN = "gunicorn --threads 4"
"""Threads, so that one slow client does not keep a worker from everybody else."""
UVICORN = "uvicorn"
"""It trusts the proxy's headers from 127.0.0.1 alone, as gunicorn does."""


def served(entry: Entry) -> str:
    """The command that serves an app by gunicorn or uvicorn, on the address that their variables name."""
    if entry.framework.interface == "asgi":
        folder = f" --app-dir {quoted(entry.root)}" if entry.root else ""
        factory = " --factory" if entry.factory else ""
        return f"{UVICORN}{folder}{factory} {entry.imported}:{entry.name}"
    folder = f" --pythonpath {quoted(entry.root)}" if entry.root else ""
    if entry.attribute:
        return _through_ours(folder, entry)
    name = f"'{entry.imported}:{entry.name}()'" if entry.factory else f"{entry.imported}:{entry.name}"
    return f"{GUNICORN}{folder} {name}"


def django(project: Project) -> str:
    """The command that serves a Django project."""
    application = project.application or "'django.core.wsgi:get_wsgi_application()'"
    if project.asgi:
        folder = f" --app-dir {quoted(project.folder)}" if project.folder else ""
        return f"{UVICORN}{folder} {application}"
    folder = f" --chdir {quoted(project.folder)}" if project.folder else ""
    return f"{GUNICORN}{folder} {application}"


def program(sources: Sources, module: Module, name: str = "") -> str:
    """The command of a program that listens by itself; Bottle can hand its app to gunicorn nevertheless.

    Args:
        sources: The app's files.
        module: The program.
        name: The name of its app; empty if it has none.
    """
    root = places.import_root(sources, module)
    app = own_server.bottle(module, name) if not root and not own_server.reads_port(module) else ""
    return f'{GUNICORN} "{app}"' if app else own_server.command(sources, module)


def _through_ours(folder: str, entry: Entry) -> str:
    """Have a function of ours get the attribute, as gunicorn calls names and functions only."""
    where = paths.SERVE.rpartition("/")[0]
    folder = f"{folder},{where}" if folder else f" --pythonpath {where}"
    return f"""{GUNICORN}{folder} "launchpad_serve:attribute('{entry.imported}:{entry.name}.{entry.attribute}')\""""
