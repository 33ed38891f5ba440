"""The Procfile: which processes an app has. The grammar is Heroku's."""

from __future__ import annotations

import re
import shlex

from .failure import Failure

LINE = re.compile(r"(?P<name>[A-Za-z0-9_-]+):\s*(?P<command>\S.*)")
RESERVED = ("blue", "green")
"""Names of the two slots of ``web``; no process may have them."""

SHELL_SYNTAX = re.compile(r"[;&|<>()\n`]|(^|\s)(if|for|while|until|case|cd|export|source|set|\.)\s")
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*")


def parse(text: str) -> dict[str, str]:
    """Process name to command line, in order. A line that is not a process, a comment or empty is a mistake."""
    processes: dict[str, str] = {}
    mistakes = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = LINE.fullmatch(line)
        if not match:
            mistakes.append(f'line {number} is {line!r}; allowed: "name: command"')
        elif match["name"] in RESERVED:
            mistakes.append(f"line {number}: a process cannot be called {match['name']} (that is a slot of web)")
        elif match["name"] in processes:
            mistakes.append(f"line {number}: there are two processes called {match['name']}")
        else:
            processes[match["name"]] = match["command"].strip()
    if mistakes:
        raise Failure("\n".join(["Procfile is not right:", *(f"  {mistake}" for mistake in mistakes)]))
    return processes


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
    """The program and arguments that run a command line as Heroku does: by a shell that expands ``$PORT``.

    A plain command replaces the shell (``exec``), so that systemd's SIGTERM reaches the app itself and not a shell that
    dies without telling its children. One with shell syntax is left to bash, which does the same for its last command.
    """
    return ["/bin/bash", "-c", command if _needs_shell(command) else f"exec {_with_env(command)}"]


def _needs_shell(command: str) -> bool:
    return bool(SHELL_SYNTAX.search(command))


def _with_env(command: str) -> str:
    """``A=1 gunicorn app`` as ``env A=1 gunicorn app``: ``exec`` takes no assignments."""
    try:
        first = shlex.split(command)[0]
    except (ValueError, IndexError):
        return command
    return f"env {command}" if ASSIGNMENT.fullmatch(first) else command


def program(command: str) -> str:
    """The name of the program that a command line starts, as far as one can tell without running a shell."""
    try:
        words = shlex.split(command)
    except ValueError:
        return ""
    for word in words:
        if not ASSIGNMENT.fullmatch(word) and word not in ("exec", "env"):
            return word.rsplit("/", 1)[-1]
    return ""
