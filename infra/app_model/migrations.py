"""Finds the command that brings an app's database up to date before a release, where Django's manage.py does not.

An app whose tables are missing answers its first page all the same, and fails as soon as somebody signs in.
"""

from __future__ import annotations

import configparser
import dataclasses
import shlex
from collections.abc import Collection
from pathlib import PurePosixPath

from infra.app_model import reach
from infra.app_model.own_server import quoted
from infra.app_model.sources import Sources
from infra.app_model.start import Start

FOLDER = "migrations"
"""Where Flask-Migrate has the migrations, unless the app says otherwise."""
ALEMBIC = "alembic.ini"


def add(sources: Sources, found: Start, packages: Collection[str]) -> Start:
    """How an app starts, with the command that migrates its database if it has one and nothing else was found.

    Args:
        sources: The app's files.
        found: How it starts.
        packages: The names of its dependencies.
    """
    if found.release or not found.command:
        return found
    command, reason = _flask(sources, found) or _alembic(sources, packages) or ("", "")
    return dataclasses.replace(found, release=command, why_release=reason) if command else found


def _flask(sources: Sources, found: Start) -> tuple[str, str] | None:
    """Flask-Migrate's command. Source: Flask-Migrate's documentation, "Command Reference"."""
    if found.framework != "Flask" or not _has_versions(sources, FOLDER):
        return None
    modules = reach.reachable(sources, found.files or [found.path], [found.command])
    using = next(
        (module.path for module in modules if module.has("flask_migrate") and "flask_migrate" in module.packages), ""
    )
    if not using:
        return None
    return f"flask --app {_flask_app(found)} db upgrade", f"{using} uses Flask-Migrate, and {FOLDER} has migrations"


def _flask_app(found: Start) -> str:
    """The app as Flask's own command takes it: as the server program does, or by its file."""
    words = shlex.split(found.command)
    served = words[0] == "gunicorn" and "--pythonpath" not in words
    last = words[-1]
    name = last.partition(":")[2] if words[0] == "gunicorn" else ""
    app = last if served else f"{found.path}:{name}" if name else found.path
    return quoted(app) if ":" not in app or "(" in app else app


def _alembic(sources: Sources, packages: Collection[str]) -> tuple[str, str] | None:
    """Alembic's command. Source: Alembic's tutorial, "Running our First Migration"."""
    if "alembic" not in packages or not sources.has(ALEMBIC):
        return None
    parser = configparser.ConfigParser(defaults={"here": "."}, strict=False)
    try:
        parser.read_string(sources.text(ALEMBIC))
        folder = parser.get("alembic", "script_location", fallback="")
    except configparser.Error:
        return None
    folder = str(PurePosixPath(folder))
    if not _has_versions(sources, folder):
        return None
    return "alembic upgrade head", f"{ALEMBIC} is Alembic's, and {folder} has migrations"


def _has_versions(sources: Sources, folder: str) -> bool:
    """Whether a folder has the environment of Alembic and at least one migration."""
    names = sources.names(f"{folder}/versions")
    return sources.has(f"{folder}/env.py") and any(name.endswith(".py") for name in names)
