"""The Python files of an app: read when they are asked for, each once, and never too many."""

from __future__ import annotations

from collections.abc import Mapping

from infra.app_model import syntax_tree
from infra.app_model.files import AppError, Files, normal
from infra.app_model.python_source import Budget, Module

MOST_READ, MOST_CHARACTERS = 600, 5_000_000
"""Modules whose text is read of one app, and the characters of all of them together."""
MOST_PARSED, MOST_PARSED_CHARACTERS = 150, 1_200_000
"""Those that are parsed, too: that is part of each deployment, and takes about a second for a million characters."""
MOST_MISTAKES = 3
"""Modules whose mistake is named."""
STRANGE = frozenset(
    {
        *("tests", "test", "testing", "docs", "doc", "examples", "example", "samples", "scripts", "migrations"),
        *("node_modules", "venv", "env", "site-packages", "build", "dist", "__pycache__", "benchmarks", "static"),
        *("templates", "staticfiles", "media", "assets", "notebooks", "deploy", "infra", "terraform"),
    }
)
"""Folders in which no app begins."""


class Sources:
    """The files of an app, and its modules as syntax trees."""

    def __init__(self, files: Files) -> None:
        """Read nothing yet.

        ``links`` has the modules that a module imports, by its path, as far as reach.py has followed them.
        """
        self.files = files
        self._modules: dict[str, Module | None] = {}
        self.links: dict[str, list[Module]] = {}
        self._names: dict[str, Mapping[str, bool]] = {}
        self._unread = MOST_READ
        self._left = MOST_CHARACTERS
        self.budget = Budget(MOST_PARSED, MOST_PARSED_CHARACTERS)

    def text(self, path: str) -> str:
        """The text of a file; empty if there is none, or it is no text."""
        try:
            return self.files.text(path) or ""
        except AppError:
            return ""

    def has(self, path: str) -> bool:
        """Whether there is a file of this path."""
        folder, _, name = path.rpartition("/")
        return self.names(folder).get(name) is False

    def names(self, folder: str = "") -> Mapping[str, bool]:
        """The names in a folder, and whether each is a folder."""
        if folder not in self._names:
            above, _, name = folder.rpartition("/")
            # Imports lead to many folders that are not there: what is above says so without a look.
            known = folder in ("", ".") or folder.startswith((".", "/")) or self.names(above).get(name)
            try:
                self._names[folder] = self.files.names(folder) if known else {}
            except AppError:
                self._names[folder] = {}
        return self._names[folder]

    def module(self, path: str) -> Module | None:
        """A Python file, of any text; None if there is none, or too much has been read already."""
        if path not in self._modules and (path := normal(path)) not in self._modules:
            known = path.endswith(".py") and self._unread > 0 and self._left > 0 and self.has(path)
            text = self.text(path) if known else ""
            self._unread -= known
            self._left -= len(text)
            self._modules[path] = Module(path, text, self.budget) if known else None
        return self._modules[path]

    def python_files(self, folder: str = "") -> list[str]:
        """The paths of the Python files in a folder, without tests and settings of tools."""
        names = [name for name, is_folder in self.names(folder).items() if not is_folder and name.endswith(".py")]
        return [_join(folder, name) for name in sorted(names) if not _is_tool(name)]

    def folders(self, folder: str = "") -> list[str]:
        """The paths of the folders in a folder that may have parts of the app."""
        names = [name for name, is_folder in self.names(folder).items() if is_folder]
        return [
            _join(folder, name) for name in sorted(names) if not name.startswith(".") and name.lower() not in STRANGE
        ]

    def find(self, dotted: str, roots: tuple[str, ...]) -> Module | None:
        """The app's module of a dotted name; None if it is none of the app's.

        Args:
            dotted: Its name, such as ``shop.views``.
            roots: The folders that imports start from.
        """
        where = dotted.replace(".", "/")
        for root in roots if where else ():
            for path in (f"{where}.py", f"{where}/__init__.py"):
                full = f"{root}/{path}" if root else path
                if module := self._modules[full] if full in self._modules else self.module(full):
                    return module
        return None

    def mistakes(self) -> list[str]:
        """The first mistakes in the syntax of the modules that were read, in which an app may not have been found."""
        budget = Budget(20, MOST_PARSED_CHARACTERS)
        modules = [module for module in self._modules.values() if module and budget.allows(module.text)]
        found = [f"{module.path}, {mistake}" for module in modules if (mistake := syntax_tree.mistake(module.text))]
        return found[:MOST_MISTAKES]


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _is_tool(name: str) -> bool:
    """Whether a file is a test, or settings of a tool."""
    return name.startswith("test_") or name.endswith("_test.py") or name in TOOLS


TOOLS = frozenset(
    {
        *("setup.py", "conftest.py", "noxfile.py", "tasks.py", "fabfile.py", "gunicorn.conf.py", "gunicorn_config.py"),
        *("config.py", "settings.py", "manage.py", "celery.py", "tests.py", "test.py", "hypercorn.conf.py", "seed.py"),
    }
)
"""Files of which none is the start of a web app."""
