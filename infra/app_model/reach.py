"""The modules of an app that its start leads to: what it imports, directly and through others."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from infra.app_model import django, python_source
from infra.app_model.python_source import Module
from infra.app_model.sources import Sources

MOST = 300
"""Modules that are followed. That takes their texts alone: none of them is parsed for it."""
NEVER = frozenset({"test", "tests", "testing", "docs", "migrations", "management"})
"""Folders of which the running app loads nothing, whatever imports it: only what a command names is taken from them."""
MANAGED = re.compile(r"manage\.py\s+([a-z_]\w*)")
DJANGO_PARTS = ("urls.py", "views.py", "consumers.py", "routing.py", "api.py", "middleware.py")
"""The modules that Django imports by their names in texts."""


def reachable(sources: Sources, paths: Iterable[str], commands: Iterable[str]) -> list[Module]:
    """The modules that an app's start leads to, those that it begins with first.

    Args:
        sources: The app's files.
        paths: The files that it begins with.
        commands: The commands of its processes, which may name others.
    """
    found: dict[str, Module] = {}
    todo = deque(module for path in paths if (module := sources.module(path)))
    todo += [module for command in commands for module in _named(sources, command)]
    while todo and len(found) < MOST:
        module = todo.popleft()
        if module.path not in found:
            found[module.path] = module
            if module.path not in sources.links:
                sources.links[module.path] = list(_imported(sources, module))
            todo += [each for each in sources.links[module.path] if each.path not in found]
    return list(found.values())


def of_django(sources: Sources, project: django.Project) -> list[str]:
    """The files of a Django project in which its own code is."""
    paths = [project.manage]
    for name in {project.settings, project.server_settings} - {""}:
        if module := sources.find(name, (project.folder,)):
            paths.append(module.path)
    for folder in _packages(sources, project.folder):
        paths += [path for path in sources.python_files(folder) if PurePosixPath(path).name in DJANGO_PARTS]
    return paths


def _named(sources: Sources, command: str) -> list[Module]:
    """The modules that a command names: as a file, or as a server program takes them (``shop.wsgi:app``)."""
    modules = [sources.module(path) for path in re.findall(r"[\w./-]+\.py\b", command)]
    modules += [sources.find(name, ("", "src")) for name in re.findall(r"([A-Za-z_][\w.]*):[A-Za-z_]", command)]
    modules += [each for name in MANAGED.findall(command) for each in _management(sources, name)]
    modules += [sources.find(name, ("", "src")) for name in re.findall(r"\s([A-Za-z_]\w*(?:\.\w+)+)(?:\s|$)", command)]
    return [module for module in modules if module]


def _management(sources: Sources, name: str) -> list[Module]:
    """The app's own command of Django that ``manage.py NAME`` runs."""
    places = [f"{folder}/management/commands/{name}.py" for folder in _packages(sources, "")]
    return [module for path in places if (module := sources.module(path))]


def _packages(sources: Sources, folder: str) -> Iterator[str]:
    for below in sources.folders(folder):
        yield below
        yield from sources.folders(below)


def _imported(sources: Sources, module: Module) -> Iterator[Module]:
    """The app's modules that one imports; of ``from a import b`` that may be ``a.b``, and it is ``a``."""
    roots = _roots(module)
    known = {name.removesuffix(".py") for root in roots for name in sources.names(root)}
    for mentioned in module.mentioned:
        name = python_source.absolute(module, mentioned)
        found = sources.find(name, roots) if name.partition(".")[0] in known else None
        if found and not NEVER & set(found.path.split("/")[:-1]):
            yield found


def _roots(module: Module) -> tuple[str, ...]:
    """The folders from which a module's imports may start: its own, those above it, and ``src``."""
    folders = [str(folder) for folder in PurePosixPath(module.path).parents]
    return tuple(dict.fromkeys(["" if folder == "." else folder for folder in folders] + ["src"]))
