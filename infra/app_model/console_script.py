"""Finds a command of the app's own package that starts a server, as ``[project.scripts]`` names it."""

from __future__ import annotations

import configparser
from dataclasses import dataclass

from infra.app_model import own_server, reach
from infra.app_model.dependencies import tables
from infra.app_model.files import AppError
from infra.app_model.python_source import Module
from infra.app_model.sources import Sources
from infra.protocol import paths

USUAL = ("web", "serve", "server", "start", "run", "app")
"""Names of commands that start a server, the likeliest first."""


@dataclass(frozen=True)
class Script:
    """A command of the app.

    Attributes:
        name: Its name.
        file: The file that names it.
        module: The module of its function.
        what: What it listens with.
    """

    name: str
    file: str
    module: Module
    what: str

    @property
    def command(self) -> str:
        """The command of the web process."""
        if own_server.reads_port(self.module):
            return self.name
        return f'python {paths.SERVE} "$VIRTUAL_ENV/bin/{self.name}"'


def find(sources: Sources) -> Script | None:
    """The command that starts the app's server; None if there is none."""
    found = [script for file, named in _declared(sources) for script in _scripts(sources, file, named)]
    rank = {name: number for number, name in enumerate(USUAL)}
    return min(found, key=lambda script: rank.get(script.name, len(rank)), default=None)


def _scripts(sources: Sources, file: str, named: dict[str, str]) -> list[Script]:
    scripts = []
    for name, target in named.items():
        module = sources.find(target.partition(":")[0].strip(), ("", "src"))
        known = name.replace("-", "").replace("_", "").replace(".", "").isalnum()
        for each in reach.reachable(sources, [module.path], ()) if module and known else []:
            if what := own_server.starts(each):
                scripts.append(Script(name, file, each, what))
                break
    return scripts


def _declared(sources: Sources) -> list[tuple[str, dict[str, str]]]:
    """The commands that the app's package has when it is installed, by the file that names them."""
    try:
        project = tables.toml("pyproject.toml", sources.text("pyproject.toml"))
        poetry = tables.table(project, "tool", "poetry", "scripts")
        own = tables.table(project, "project", "scripts") if "build-system" in project else {}
    except AppError:
        own = poetry = {}
    both = {name: text for name, text in {**poetry, **own}.items() if isinstance(text, str)}
    setup = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        setup.read_string(sources.text("setup.cfg"))
        lines = setup.get("options.entry_points", "console_scripts", fallback="").splitlines()
    except configparser.Error:
        lines = []
    pairs = (line.partition("=") for line in lines)
    listed = {name.strip(): target.strip() for name, _, target in pairs if target.strip()}
    return [("pyproject.toml", both), ("setup.cfg", listed)]
