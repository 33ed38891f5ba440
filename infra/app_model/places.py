"""Where in an app's folders its entry point is looked for, and where its imports start from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from infra.app_model.python_source import Module
from infra.app_model.sources import Sources

FILES = (
    *("wsgi.py", "asgi.py", "app.py", "main.py", "application.py", "server.py", "run.py", "api.py", "web.py"),
    *("webapp.py", "index.py", "__init__.py", "__main__.py"),
)
"""The files that an app begins with, the likeliest first."""
FOLDERS = ("app", "src", "api", "backend", "server", "web", "webapp", "website", "service", "application", "core")
"""The folders that an app begins in, the likeliest first."""


def places(sources: Sources) -> Iterator[list[str]]:
    """The Python files where an app may begin, one group after the other: the root, ``src``, and the folders."""
    yield _ordered(sources.python_files())
    folders = _folders(sources, "")
    if "src" in folders:
        yield _ordered(sources.python_files("src"))
    inner = [folder for folder in folders if folder != "src"]
    inner += _folders(sources, "src") if "src" in folders else []
    for folder in inner:
        yield _ordered(sources.python_files(folder))
    for folder in inner:
        for below in _folders(sources, folder):
            yield [path for path in _ordered(sources.python_files(below)) if PurePosixPath(path).name in FILES]


def import_root(sources: Sources, module: Module) -> str:
    """The folder from which a module is imported; empty for the app's directory.

    That is the app's directory, unless the module is in ``src``, or imports modules beside it by their bare names.
    """
    folder = PurePosixPath(module.path).parent
    while str(folder) != "." and sources.has(str(folder / "__init__.py")):
        folder = folder.parent
    if str(folder) == ".":
        return ""
    top = folder.parts[0]
    if top in module.packages:
        return ""
    beside = {name.removesuffix(".py") for name in sources.names(str(folder))} - {PurePosixPath(module.path).stem}
    above = {name.removesuffix(".py") for name in sources.names("")}
    if folder.name == "src" or (module.packages & beside) - above:
        return str(folder)
    return "src" if top == "src" and sources.names("src").get("__init__.py") is None else ""


def roots(module: Module) -> tuple[str, ...]:
    """The folders from which a module's own imports may start."""
    folder = str(PurePosixPath(module.path).parent)
    return tuple(dict.fromkeys(["" if folder == "." else folder, "", "src"]))


def _ordered(paths: list[str]) -> list[str]:
    """Files by how likely an app begins in them."""
    rank = {name: number for number, name in enumerate(FILES)}
    return sorted(paths, key=lambda path: (rank.get(PurePosixPath(path).name, len(rank)), path))


def _folders(sources: Sources, folder: str) -> list[str]:
    rank = {name: number for number, name in enumerate(FOLDERS)}
    return sorted(sources.folders(folder), key=lambda path: (rank.get(PurePosixPath(path).name, len(rank)), path))
