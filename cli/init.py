"""A stack's settings, asked for or given, checked as the program checks them, then written."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import typer

from cli import config, output
from cli.failure import Failure
from cli.stack import NAMESPACE, Stack

EMPTY = re.compile(r"launchpad:(?P<key>\S+) is empty[;,] (?P<why>.*)", re.DOTALL)
"""A mistake that an answer mends."""
DEMO = re.compile(r"^(# Stack \S+): the demo app of this repository on an embedded machine\.", re.MULTILINE)
"""What the settings of this repository's own app begin with."""
URL = re.compile(r"[a-z+]+://|[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:")


def init(stack: Stack, given: Mapping[str, str], *, as_json: bool = False) -> None:
    """Write a stack's settings.

    Args:
        stack: The stack, which need not be there yet.
        given: Values by key. Where a person is there, the other first questions are asked.
        as_json: Whether to print what was written as JSON.

    Raises:
        Failure: Something of it is a mistake; nothing has been written then.
    """
    from cli import settings_file  # noqa: PLC0415 - with YAML

    settings = stack.settings()
    answers = dict(given)
    if "repository" in answers:
        answers["repository"] = repository(answers["repository"], stack.project.root, typed_in())
    if sys.stdin.isatty():
        answers |= _asked(settings, answers, stack.project.root)
    if not answers and not sys.stdin.isatty():
        raise Failure(
            "nothing to write, and no terminal to ask for values. Pass the keys to set; see: launchpad init --help"
        )
    if not answers:
        output.note(f"nothing to change in {stack.file.name}")
        return
    values = {key: value_of(key, answer) for key, answer in answers.items()}
    text = settings_file.with_values(stack.text, values)
    whole = {**settings, **values}
    left = check(whole, text)
    stack.file.write_text(not_a_demo(text, whole))
    stack.ensure_in_clone()
    if as_json:
        output.data({"stack": stack.name, "file": stack.file.name, "config": answers})
        return
    output.note(f"wrote {stack.file.name}: {', '.join(f'{key}={value}' for key, value in answers.items())}")
    app = stack.named_apps or [str(whole.get("app") or "app")]
    if others := [name for name in stack.apps() if name not in app]:
        output.note(
            f"{', '.join(others)} is up in stack {stack.name}. The next up takes it off the machine once {app[0]} "
            "serves; until then it has its http_port or domain, so give the new one another"
        )
    for problem in left:
        output.note(f"Still to do: {problem}")
    output.note(f"Next: {stack.command('doctor')}, then {stack.command('up')}")


def _asked(settings: Mapping[str, object], given: Mapping[str, str], root: Path) -> dict[str, str]:
    """What a person answers that is not so already; Enter keeps what is."""
    answers = {}
    from infra.machines.registry import KINDS  # noqa: PLC0415 - late: only a person needs them

    kinds = "\n".join(f"  {name:10}{kind.description}" for name, kind in KINDS.items())
    for key, question, default in (
        ("repository", "The app's git repository: a path or a URL", "./app"),
        ("app", "The app's name", "app"),
        ("machine", f"Kinds of machine:\n{kinds}\nKind of machine", machine_here(KINDS)),
        ("domain", "Host name for HTTPS (empty: none)", ""),
    ):
        if key in given:
            continue
        now = str(settings.get(key) or default)
        answer = str(typer.prompt(question, default=now, show_default=bool(now), err=True)).strip()
        if key == "repository" and answer != now:
            answer = repository(answer, root, typed_in())
        if answer and answer != str(settings.get(key)):
            answers[key] = answer
    return answers | _asked_for_the_empty({**settings, **given, **answers})


def _asked_for_the_empty(known: Mapping[str, object]) -> dict[str, str]:
    """What a person answers for the keys that may not stay empty, such as the region of a cloud's machine."""
    answers = {}
    for problem in config.mistakes(config.of_file(known), "", unfinished=True):
        if empty := EMPTY.match(problem):
            answers[empty["key"]] = str(typer.prompt(f"{empty['key']}: {empty['why']}", err=True)).strip()
    return answers


def not_a_demo(text: str, settings: Mapping[str, object]) -> str:
    """The text of a settings file, which is called that of the demo app only as long as it is that."""
    return text if _is_demo(settings) else DEMO.sub(r"\1.", text)


def _is_demo(settings: Mapping[str, object]) -> bool:
    """Whether the settings are still for this repository's own app, on a machine here."""
    return settings.get("repository", "./app") == "./app" and settings.get("machine", "embedded") == "embedded"


def pairs(given: Sequence[str]) -> dict[str, str]:
    """Values by key, from texts such as ``embedded.memory=2G``.

    Raises:
        Failure: One of them is no such text.
    """
    values = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise Failure(f"--set {text}: it must be KEY=VALUE, such as embedded.memory=2G")
        values[key.removeprefix(f"{NAMESPACE}:")] = value
    return values


def machine_here(kinds: Iterable[str]) -> str:
    """The first kind of machine that this computer can have."""
    from infra.machines.registry import is_local  # noqa: PLC0415 - late, as above

    return next(kind for kind in kinds if not is_local(kind) or platform.system() == "Linux")


def repository(typed: str, root: Path, folder: Path) -> str:
    """A repository as the settings name it: a path that was typed in ``folder`` is one below ``root``, or absolute."""
    if URL.match(typed):
        return typed
    path = Path(os.path.abspath(folder / Path(typed).expanduser()))  # noqa: PTH100 - links stay as they were typed
    return f"./{path.relative_to(root)}" if path.is_relative_to(root) else str(path)


def typed_in() -> Path:
    """The folder where the command was typed."""
    return Path(os.environ.get("LAUNCHPAD_FOLDER") or Path.cwd())


def value_of(key: str, answer: str) -> object:
    """A value of the settings file: a list or a map where one is written as such or the key takes one, else a text."""
    import yaml  # noqa: PLC0415 - late, as everywhere

    from infra.config.schema import Schema  # noqa: PLC0415
    from infra.machines.registry import KINDS  # noqa: PLC0415

    try:
        value = yaml.safe_load(answer)
    except yaml.YAMLError:
        value = answer
    if isinstance(value, list | dict):
        return value
    declared = Schema(KINDS).keys.get(key)
    return re.split(r"[,\s]+", answer) if declared and declared.default.startswith("[") else answer


def check(settings: Mapping[str, object], text: str) -> list[str]:
    """Check settings before they are written; gives what is still missing, which another command sets.

    Args:
        settings: All of them.
        text: The text of the file with them.

    Raises:
        Failure: Every mistake in them.
    """
    from infra.deployment.repository import RepositoryError, find  # noqa: PLC0415 - late: only this asks it

    held = config.of_file(settings)
    problems = config.mistakes(held, text, unfinished=True)
    if not problems:
        try:
            find(str(settings.get("repository") or "./app"), str(settings.get("directory") or ""))
        except RepositoryError as error:
            problems = [str(error)]
    if problems:
        lines = "".join(f"\n  - {problem}" for problem in problems)
        raise Failure(f"nothing was written, because the settings are invalid:{lines}")
    return config.mistakes(held, text)
