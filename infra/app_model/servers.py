"""The server programs: which of them a command starts, and what installs one that the app does not bring."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping

from infra.app_model.build_plan import Decision
from infra.app_model.python_source import Module
from infra.app_model.server_programs import SERVERS, WEBSOCKETS, Server

BY_PROGRAM = {server.program: server for server in SERVERS}
SCALING = frozenset({*(server.program for server in SERVERS if server.scales), "fastapi"})
"""Programs that follow ``$WEB_CONCURRENCY``, and whose app can be started several times.

A program of the app's own is none of them: uvicorn, which it may call, refuses several workers of an object.
"""
WORKER_CLASS = re.compile(r"(?:-k|--worker-class)[= ]*([a-z]+)\.workers?\.")
"""The package from which gunicorn takes its workers."""
USES_WEBSOCKETS = re.compile(r"\bWebSocket\b|\bwebsocket\b|\bWebsocket|@\w+\.ws\(|\bsocketio\b|\bchannels\b")
WRAPPERS = frozenset({"exec", "time", "env", "nohup", "command", "newrelic-admin", "opentelemetry-instrument"})
RUNNERS = frozenset({"poetry", "uv", "pipenv", "pdm", "hatch", "rye"})
SEPARATORS = frozenset({"&&", "||", ";", "|", "&", "(", ")", "{", "}"})


def programs(command: str) -> list[str]:
    """The programs that a command line starts, as far as its words say."""
    found = []
    words = _words(command)
    start = 0
    for position in range(len(words) + 1):
        if position == len(words) or words[position] in SEPARATORS:
            if name := _program(words[start:position]):
                found.append(name)
            start = position + 1
    return found


def missing(commands: Iterable[str], known: Mapping[str, str]) -> list[Server]:
    """The servers that commands start, and that the app does not name among its dependencies.

    Args:
        commands: The commands of the processes.
        known: The packages that the app depends on, by their normalised names.
    """
    started = [name for command in commands for name in (*programs(command), *WORKER_CLASS.findall(command))]
    return [server for server in SERVERS if server.program in started and server.package not in known]


def added(
    commands: Mapping[str, str], known: Mapping[str, str], modules: Iterable[Module]
) -> tuple[tuple[str, ...], tuple[Decision, ...]]:
    """The requirements that the commands need in addition to the app's own, and why."""
    wanted = missing(commands.values(), known)
    decisions = [
        Decision(
            "server program",
            server.requirement,
            f"{_command_with(commands, server.program)}, and the app's dependencies do not name {server.package}",
            "launchpad:pip",
        )
        for server in wanted
    ]
    ours = BY_PROGRAM["uvicorn"] in wanted and not {"websockets", "wsproto"} & set(known)
    talks = next((module for module in modules if ours and USES_WEBSOCKETS.search(module.text)), None)
    if talks:
        wanted.append(WEBSOCKETS)
        reason = f"{talks.path} uses WebSockets, for which uvicorn needs it"
        decisions.append(Decision("server program", WEBSOCKETS.requirement, reason, "launchpad:pip"))
    return tuple(server.requirement for server in wanted), tuple(decisions)


def _command_with(commands: Mapping[str, str], program: str) -> str:
    """Which command needs a program."""
    named = [name for name, line in commands.items() if program in (*programs(line), *WORKER_CLASS.findall(line))]
    return f"the command of {named[0]} starts {program}"


def _words(command: str) -> list[str]:
    lexer = shlex.shlex(command, posix=True, punctuation_chars="();&|")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:  # a quotation that does not end; bash will say so
        return command.split()


def _program(words: list[str]) -> str:
    """The program of a simple command; of ``python -m NAME`` that is NAME."""
    rest = list(words)
    while rest and (re.match(r"[A-Za-z_]\w*=", rest[0]) or rest[0] in WRAPPERS or rest[0] == "run-program"):
        rest.pop(0)
    if len(rest) > 2 and rest[0] in RUNNERS and rest[1] == "run":
        rest = [word for word in rest[2:] if not word.startswith("-")]
    if len(rest) > 2 and re.fullmatch(r"(?:.*/)?python[0-9.]*", rest[0]) and rest[1] == "-m":
        return rest[2]
    return rest[0].rpartition("/")[2] if rest else ""
