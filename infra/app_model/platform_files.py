"""Reads how an app starts from what it says to other platforms, where nothing else does."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from infra.app_model import servers
from infra.app_model.dependencies import tables
from infra.app_model.dependencies.tables import Table
from infra.app_model.files import AppError
from infra.app_model.sources import Sources

KNOWN = frozenset(
    {"python", "python3", "flask", "fastapi", "streamlit", "chainlit", "panel", "litestar", "sanic", "quart"}
)
"""Programs that a hint may start, beside the server programs; ``/entrypoint.sh`` is written for another machine."""
ADDRESS = re.compile(
    r"(?:0\.0\.0\.0|127\.0\.0\.1|localhost|\[::\]|(?<=[ =]))\:(?:\d{2,5}|\$\{?PORT\b[^ }]*\}?)(?=$|[ '\"])"
)
PORT = re.compile(r"(?P<option>--(?:server[.-])?port[ =]|-p )\d{2,5}\b")
HOST = re.compile(r"(?P<option>--(?:host|address|server[.-]address)[ =])(?:0\.0\.0\.0|127\.0\.0\.1|localhost)\b")
DEFAULT_PORT = re.compile(r"\$\{PORT:?-\d+\}")


@dataclass(frozen=True)
class Hint:
    """A start command for another platform.

    Attributes:
        file: The file that has it.
        command: The command, with ``$HOST`` and ``$PORT`` where it names an address.
    """

    file: str
    command: str


def find(sources: Sources) -> Hint | None:
    """The first hint that can be followed here; None if there is none."""
    for file, read in READERS.items():
        text = sources.text(file)
        for line in read(text) if text else []:
            command = adapted(line)
            if _usable(command):
                return Hint(file, command)
    return None


def adapted(command: str) -> str:
    """A command with our address instead of the one it names."""
    command = DEFAULT_PORT.sub("$PORT", command.strip())
    command = ADDRESS.sub("$HOST:$PORT", command)
    command = PORT.sub(lambda match: f"{match['option']}$PORT", command)
    return HOST.sub(lambda match: f"{match['option']}$HOST", command)


def _usable(command: str) -> bool:
    programs = servers.programs(command)
    known = KNOWN | set(servers.BY_PROGRAM)
    return bool(programs) and all(program in known for program in programs) and len(command) < 1000


def _yaml(key: str) -> Callable[[str], Iterator[str]]:
    """Reads a text of one line that has this key anywhere in a YAML file."""
    pattern = re.compile(rf"^[ \t-]*{key}:[ \t]*(?P<text>[^\s|>#&*{{\[].*?)[ \t]*$", re.MULTILINE)

    def read(text: str) -> Iterator[str]:
        for match in pattern.finditer(text):
            value = match["text"]
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            yield value[1:-1] if quoted else value.partition(" #")[0]

    return read


def _text_at(parse: Callable[[str, str], Table], *names: str) -> Callable[[str], Iterator[str]]:
    """Reads the text at a path of a file of tables."""

    def read(text: str) -> Iterator[str]:
        try:
            value = tables.table(parse("", text), *names[:-1]).get(names[-1])
        except AppError:
            return
        if isinstance(value, str):
            yield value

    return read


def _dockerfile(text: str) -> Iterator[str]:
    """The last CMD of a Dockerfile, as an argument of the last ENTRYPOINT if there is one."""
    joined = re.sub(r"\\[ \t]*\n", " ", text)
    found = {
        word: [
            match["rest"].strip() for match in re.finditer(rf"^[ \t]*{word}[ \t]+(?P<rest>.+)$", joined, re.M | re.I)
        ]
        for word in ("ENTRYPOINT", "CMD")
    }
    parts = [_line(found[word][-1]) for word in ("ENTRYPOINT", "CMD") if found[word]]
    yield " ".join(part for part in parts if part)


def _line(text: str) -> str:
    """An instruction's command as a line; a list of words is one, too."""
    if not text.startswith("["):
        return text
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return ""
    if len(words) == 3 and words[0] in ("sh", "/bin/sh", "bash", "/bin/bash") and words[1] == "-c":
        return str(words[2])
    return " ".join(word if word.startswith("$") else shlex.quote(word) for word in words)


READERS: dict[str, Callable[[str], Iterator[str]]] = {
    "render.yaml": _yaml("startCommand"),
    "railway.toml": _text_at(tables.toml, "deploy", "startCommand"),
    "railway.json": _text_at(tables.loads, "deploy", "startCommand"),
    "nixpacks.toml": _text_at(tables.toml, "start", "cmd"),
    "fly.toml": _text_at(tables.toml, "processes", "app"),
    "app.yaml": _yaml("entrypoint"),
    ".do/app.yaml": _yaml("run_command"),
    "Dockerfile": _dockerfile,
}
"""Reads the commands in the files of other platforms; the clearest first."""
