"""The Procfile: which processes an app has. The grammar is Heroku's; what a command means is bash's business."""

from __future__ import annotations

import re

from .failure import Failure

LINE = re.compile(r"(?P<name>[A-Za-z0-9_-]+):[ \t]*(?P<command>[^ \t].*)", re.DOTALL)
LONGEST_NAME = 100
"""systemd's names of units end at 255 characters, with the app's name in them; so do names of files."""
LONGEST_COMMAND = 100_000
"""Bytes of a command line; Linux takes no argument beyond 128 KiB."""


def parse(text: str) -> dict[str, str]:
    """Process name to command line, in order. A line that is not a process, a comment or empty is a mistake."""
    processes: dict[str, str] = {}
    mistakes = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip(" \t\r")
        if not line or line.startswith("#"):
            continue
        match = LINE.fullmatch(line)
        if not match:
            shown = line if len(line) <= 100 else f"{line[:100]}..."
            mistakes.append(f'line {number} is {shown!r}; allowed: "name: command"')
        elif len(match["name"]) > LONGEST_NAME:
            mistakes.append(f"line {number}: the name {match['name'][:20]}... is longer than {LONGEST_NAME} characters")
        elif match["name"] in processes:
            mistakes.append(f"line {number}: there are two processes called {match['name']}")
        elif reason := unusable(match["command"]):
            mistakes.append(f"line {number}: the command of {match['name']} {reason}")
        else:
            processes[match["name"]] = match["command"]
    if mistakes:
        raise Failure("\n".join(["Procfile is not right:", *(f"  {mistake}" for mistake in mistakes)]))
    return processes


def unusable(command: str) -> str:
    """Why no program can be started with a command line; empty where one can."""
    if "\0" in command:
        return "contains a zero byte"
    if len(command.encode(errors="replace")) > LONGEST_COMMAND:
        return f"is longer than {LONGEST_COMMAND} bytes; put it into a script"
    return ""


def processes(procfile: str | None, command: str | None) -> dict[str, str]:
    """The app's processes: those of its Procfile, with ``command`` in place of its ``web`` line where one is given."""
    found = parse(procfile) if procfile is not None else {}
    if command:
        found = {"web": command, **{name: line for name, line in found.items() if name != "web"}}
    if "web" not in found:
        what = "the Procfile has no web: line" if procfile is not None else "the app has no Procfile"
        raise Failure(
            f"{what} and no command is set: nothing says how the app starts.\n"
            'Add a Procfile with a line such as "web: gunicorn app:app", or set the command.'
        )
    return found


def shell(command: str) -> list[str]:
    """The program and arguments that run a command line as Heroku does: by bash, which expands ``$PORT``.

    bash replaces itself by the last command where it can (``gunicorn app``, ``A=1 gunicorn app``, ``cd web && gunicorn
    app``), so that systemd's SIGTERM reaches the app itself. Where it stays (``a | b``, ``a 2>&1``), see stop.py.
    """
    return ["/bin/bash", "-c", command]
