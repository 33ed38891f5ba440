"""The command of each process: the settings before the Procfile, and the Procfile before what is found."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from infra.app_model import procfile
from infra.app_model.dependencies import workspace
from infra.app_model.files import AppError, Files, UnreadCodeError
from infra.protocol.specs import DeploySpec

NOTHING = (
    "nothing says how the app starts: no Django project, no WSGI or ASGI app in the usual files, and no program that "
    "listens was found."
)
REMEDY = 'Add a Procfile with a line such as "web: gunicorn app:app", or set launchpad:command.'
VERSION = ".".join(str(part) for part in sys.version_info[:2])
HOST_OF_WEB = (
    "the web process gets HOST=127.0.0.1, where it has to listen, and every other process the HOST of the settings; "
    "if web needs that one, too, give it another name"
)


def commands(files: Files, spec: DeploySpec, found: Mapping[str, str], mistakes: Sequence[str] = ()) -> dict[str, str]:
    """The command of each process by its name.

    Args:
        files: The app's files, a Procfile perhaps among them.
        spec: The settings.
        found: The commands that the app's files suggest; only ``web`` counts where there is a Procfile.
        mistakes: The mistakes in the syntax of the app's files, for which nothing may have been found.

    Raises:
        AppError: The Procfile has mistakes, or nothing says how the app starts, or how a process of the settings does.
    """
    text = files.text("Procfile")
    commands = procfile.parse(text) if text is not None else dict(found)
    web = spec.command or commands.get("web", "") or found.get("web", "")
    commands = {"web": web, **{name: line for name, line in commands.items() if name != "web"}}
    for process in spec.processes:
        if process.disabled:
            commands.pop(process.name, None)
        elif process.command:
            commands[process.name] = process.command
    if not commands.get("web"):
        what = "the Procfile has no web: line" if text is not None else "the app has no Procfile"
        unread = [f"Python {VERSION} cannot read {mistake}." for mistake in mistakes]
        error = UnreadCodeError if unread else AppError
        remedy = workspace.choice(files) or REMEDY
        raise error("\n".join([f"{what} and no command is set: {NOTHING}", *unread, remedy]))
    for process in spec.processes:
        if not process.disabled and process.name not in commands:
            there = ", ".join(commands)
            raise AppError(
                f"launchpad:processes.{process.name} says how {process.name} runs, but nothing says what it is; "
                f"there are {there}.\nSet launchpad:processes.{process.name}.command, or add a line "
                f'"{process.name}: COMMAND" to the Procfile.'
            )
    return commands


def notes(spec: DeploySpec) -> tuple[str, ...]:
    """What a person should know about the variables of the processes."""
    return (HOST_OF_WEB,) if "HOST" in {**dict(spec.env), **dict(spec.secrets)} else ()
