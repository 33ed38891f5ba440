"""Finds a Django project: manage.py, its settings, and the application that a server program calls."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import PurePosixPath

from infra.app_model import python_source, syntax
from infra.app_model.python_source import Module
from infra.app_model.sources import Sources

DEEPEST = 10
"""How many settings modules include one another, at most."""
VARIABLE = "DJANGO_SETTINGS_MODULE"


@dataclass(frozen=True)
class Project:
    """A Django project.

    Attributes:
        folder: The folder of manage.py; empty for the app's directory.
        settings: The settings module that manage.py names.
        server_settings: The settings module that the application names, which people mean for production.
        application: The application, such as ``mysite.wsgi:application``; empty if it has no such module.
        asgi: Whether that is an ASGI application.
        reason: What says so.
    """

    folder: str
    settings: str
    server_settings: str
    application: str
    asgi: bool
    reason: str

    @property
    def manage(self) -> str:
        """The path of manage.py."""
        return _join(self.folder, "manage.py")


def find(sources: Sources) -> Project | None:
    """The Django project of an app, whose manage.py is at most two folders down; None if it has none."""
    level = [""]
    for _ in range(3):
        for folder in level:
            if settings := _settings_of(sources.module(_join(folder, "manage.py"))):
                return _project(sources, folder, settings)
        level = [below for folder in level for below in sources.folders(folder)]
    return None


def setting(sources: Sources, project: Project, name: str) -> ast.expr | None:
    """The value of a setting, from the settings for production or those that they include; None if it is not there."""
    return _setting(sources, project.folder, project.server_settings or project.settings, name)


def has_database(sources: Sources, project: Project) -> bool:
    """Whether a project may have a database; one without has nothing to migrate, and Django refuses to."""
    todo, seen = [project.server_settings or project.settings], set[str]()
    while todo and len(seen) < DEEPEST:
        current = todo.pop(0)
        if current in seen:
            continue
        seen.add(current)
        module = sources.find(current, (project.folder,))
        # A function may fill in settings: some packages are told locals().
        if module is None or any(word in module.text for word in ("locals()", "globals()")):
            return True
        if "DATABASES" in module.text and not _has_no_database(module):
            return True
        todo += [name for star in module.stars if (name := python_source.absolute(module, star, project.folder))]
    return False


def _has_no_database(module: Module) -> bool:
    """Whether a module says that there is none, and nothing else about it: ``DATABASES = {}``."""
    values = [item.value for item in module.assigned if item.name == "DATABASES"]
    said = len(values) == 1 and isinstance(values[0], ast.Dict) and not values[0].keys
    return said and module.text.count("DATABASES") == 1


def _project(sources: Sources, folder: str, settings: str) -> Project:
    asgi = syntax.text_of(_setting(sources, folder, settings, "ASGI_APPLICATION"))
    wsgi = syntax.text_of(_setting(sources, folder, settings, "WSGI_APPLICATION"))
    for value, name, is_asgi in ((asgi, "ASGI_APPLICATION", True), (wsgi, "WSGI_APPLICATION", False)):
        head, _, attribute = value.rpartition(".")
        if head and (module := sources.find(head, (folder,))):
            named = _settings_of(module)
            return Project(
                folder, settings, named, f"{head}:{attribute}", is_asgi, f"{settings} sets {name} to {value}"
            )
    package = settings.split(".", maxsplit=1)[0]
    for head in (f"{package}.wsgi", f"{package}.config.wsgi", "wsgi"):
        if module := sources.find(head, (folder,)):
            named = _settings_of(module)
            return Project(folder, settings, named, f"{head}:application", asgi=False, reason=f"there is {module.path}")
    return Project(folder, settings, "", "", asgi=False, reason=f"{settings} names no application")


def _settings_of(module: Module | None) -> str:
    """The settings module that manage.py, wsgi.py or asgi.py names; empty if it names none."""
    if module is None or VARIABLE not in module.text:
        return ""
    for call in module.calls:
        if len(call.args) == 2 and syntax.text_of(call.args[0]) == VARIABLE:
            # Where it depends on something, the last text is the usual one: os.getenv("X", "mysite.settings").
            texts = [text for node in ast.walk(call.args[1]) if (text := syntax.text_of(node))]
            return texts[-1] if texts else ""
    for node in module.nodes:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(target, ast.Subscript) and syntax.text_of(target.slice) == VARIABLE:
            return syntax.text_of(node.value) if isinstance(node, ast.Assign) else ""
    return ""


def _setting(sources: Sources, folder: str, name: str, wanted: str) -> ast.expr | None:
    todo, seen = [name], set[str]()
    while todo and len(seen) < DEEPEST:
        current = todo.pop(0)
        module = sources.find(current, (folder,)) if current not in seen else None
        seen.add(current)
        if module is None:
            continue
        values = [item.value for item in module.assigned if item.name == wanted]
        if values:
            return values[-1]
        todo += [python_source.absolute(module, star, folder) for star in reversed(module.stars)]
    return None


def _join(folder: str, name: str) -> str:
    return str(PurePosixPath(folder) / name)
