"""Decides how an app starts, from its files alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from infra.app_model import (
    console_script,
    django,
    entry_point,
    own_server,
    places,
    platform_files,
    programs,
    reach,
    start_command,
)
from infra.app_model.build_plan import Decision
from infra.app_model.entry_point import Entry, Reader
from infra.app_model.frameworks import DASH, FLASK, PROGRAMS
from infra.app_model.sources import Sources

RUN_DOES_NOTHING = {"FLASK_RUN_FROM_CLI": "true"}
"""With this, Flask ignores a call of ``app.run()``, which many an app makes as soon as it is imported."""


@dataclass(frozen=True)
class Start:
    """How an app starts.

    Attributes:
        framework: The framework, for a person.
        command: The command of the web process.
        reason: What in the app's files says so.
        path: The file that it begins with.
        release: The command that runs before each release; empty for none.
        why_release: What says so.
        environment: Variables that it needs.
        others: What might be meant as well.
        files: The files that its processes load first.
    """

    framework: str
    command: str
    reason: str
    path: str
    release: str = ""
    why_release: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def commands(self) -> dict[str, str]:
        """The command of each process that was found."""
        found = {"web": self.command, "release": self.release}
        return {name: command for name, command in found.items() if command}

    def variables(self, commands: Mapping[str, str]) -> Mapping[str, str]:
        """The variables that the app needs, with these commands.

        A command that somebody has written may call ``app.run()`` on purpose, which these variables switch off.
        """
        return self.environment if commands["web"] == self.command else {}

    def decisions(self, commands: Mapping[str, str]) -> Iterator[Decision]:
        """What was decided, as far as the settings and the Procfile left it open."""
        if commands["web"] == self.command:
            also = f"; {', '.join(self.others)} might be meant as well" if self.others else ""
            yield Decision("start command", self.command, f"{self.reason}{also}", "launchpad:command")
        if self.release and commands.get("release") == self.release:
            reason = f"{self.why_release}, and nothing else says what runs before a release"
            yield Decision("release command", self.release, reason, "launchpad:processes.release")


NOT_FOUND = Start("", "", "", "")
"""An app whose files do not say how it starts."""


def find(sources: Sources) -> Start:
    """How an app starts; ``NOT_FOUND`` if its files do not say.

    Django goes first, as its manage.py is unmistakable. Then the folders are looked through, the likeliest first, and
    in each of them: apps for a server program, programs of a framework, functions that make an app, and programs that
    listen by themselves. What the app says to other platforms comes last.
    """
    if project := django.find(sources):
        return _django(sources, project)
    kinds = (_objects, _programs, _factories, _own_servers)
    groups = [group for group in places.places(sources) if group]
    for group in groups:
        for kind in kinds:
            if start := kind(sources, group):
                return start
    return _script(sources) or _hint(sources) or NOT_FOUND


def _django(sources: Sources, project: django.Project) -> Start:
    named = project.server_settings
    environment = {django.VARIABLE: named} if named and named != project.settings else {}
    if not project.application:
        environment = {django.VARIABLE: project.settings}
    migrate = f"python {own_server.quoted(project.manage)} migrate --noinput"
    return Start(
        "Django",
        start_command.django(project),
        f"{project.manage} is Django's; {project.reason}",
        project.manage,
        why_release=f"{project.manage} is Django's",
        release=migrate if django.has_database(sources, project) else "",
        environment=environment,
        files=tuple(reach.of_django(sources, project)),
    )


def _script(sources: Sources) -> Start | None:
    script = console_script.find(sources)
    if script is None:
        return None
    reason = f"{script.file} has the command {script.name}, which listens by itself ({script.what})"
    return Start(script.what, script.command, reason, script.module.path)


def _hint(sources: Sources) -> Start | None:
    hint = platform_files.find(sources)
    return Start("", hint.command, f"{hint.file} starts it so", hint.file) if hint else None


def _objects(sources: Sources, group: list[str]) -> Start | None:
    return _entry(sources, group, factories=False)


def _factories(sources: Sources, group: list[str]) -> Start | None:
    return _entry(sources, group, factories=True)


def _entry(sources: Sources, group: list[str], *, factories: bool) -> Start | None:
    first: Start | None = None
    for path in group:
        module = sources.module(path)
        entry = entry_point.of_module(sources, module, factories=factories) if module else None
        if entry is None:
            continue
        if first is None:
            first = _served(sources, entry)
        elif not _same(sources, first.path, entry):
            return dataclasses.replace(first, others=(*first.others, path))
    return first


def _same(sources: Sources, path: str, entry: Entry) -> bool:
    """Whether the module that was found first imports the other one, so that both mean the same app."""
    module = sources.module(path)
    names = {origin.rpartition(".")[0] for origin in module.imports.values()} if module else set()
    last = entry.imported.rpartition(".")[2]
    return any(name.rpartition(".")[2] == last for name in names)


def _served(sources: Sources, entry: Entry) -> Start:
    apps: dict[str, object] = dict(Reader(sources).objects(entry.module))
    if blocking := own_server.blocks_import(entry.module, apps):
        reason = f"{entry.what}, and calls {blocking} when it is imported"
        command = start_command.program(sources, entry.module, entry.name)
        return Start(entry.framework.name, command, reason, entry.module.path)
    return Start(
        entry.framework.name,
        start_command.served(entry),
        entry.what,
        entry.module.path,
        environment=dict(RUN_DOES_NOTHING) if entry.framework in (FLASK, DASH) else {},
    )


def _programs(sources: Sources, group: list[str]) -> Start | None:
    for program in PROGRAMS:
        if found := programs.find(sources, group, program):
            path = found.module.path
            command = program.command.format(path=own_server.quoted(path))
            return Start(program.name, command, f"{path} imports {program.package}", path, others=found.others)
    return None


def _own_servers(sources: Sources, group: list[str]) -> Start | None:
    modules = [module for path in group if (module := sources.module(path))]
    listening = [(module, what) for module in modules if (what := own_server.starts(module)) and module.is_program]
    if not listening:
        return None
    module, what = listening[0]
    others = tuple(other.path for other, _ in listening[1:])
    command = start_command.program(sources, module)
    return Start(
        what, command, f"{module.path} is a program that listens by itself ({what})", module.path, others=others
    )
