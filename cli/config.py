"""A stack's config as the program would read it: from Pulumi if it knows the stack, else from the settings file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cli import process
from cli.stack import NAMESPACE, Stack

ENCRYPTED = "encrypted"
"""Stands for a value in a map that only Pulumi can decrypt, where its name is all that counts."""


@dataclass(frozen=True)
class Config:
    """Config values as Pulumi holds them: texts, structured ones as JSON, keyed without the namespace.

    ``unread`` are keys whose value only Pulumi could decrypt.
    """

    values: Mapping[str, str]
    secret: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()


def of_file(settings: Mapping[str, object]) -> Config:
    """The config that a settings file holds, given its keys without the namespace."""
    encrypted = frozenset(key for key, value in settings.items() if is_encrypted(value))
    return Config({key: text(value) for key, value in settings.items() if key not in encrypted}, encrypted, encrypted)


def readable(settings: Mapping[str, object]) -> Config:
    """What can be read of it: without keys that are encrypted, with a word for what is encrypted in a map."""
    known = {key: _readable(value) for key, value in settings.items() if not _is_secret(value)}
    return Config(of_file(known).values, of_file(settings).secret)


def _readable(value: object) -> object:
    if isinstance(value, dict):
        return {name: ENCRYPTED if _is_secret(item) else _readable(item) for name, item in value.items()}
    return value


def _is_secret(value: object) -> bool:
    return isinstance(value, dict) and set(value) == {"secure"}


def text(value: object) -> str:
    """A value as Pulumi hands it to the program."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, separators=(",", ":"))


def is_encrypted(value: object) -> bool:
    """Whether there is something in a value of a settings file that is encrypted."""
    if isinstance(value, dict):
        return _is_secret(value) or any(is_encrypted(part) for part in value.values())
    return isinstance(value, list) and any(is_encrypted(part) for part in value)


def of_stack(stack: Stack) -> Config:
    """The stack's config, including secret values; from its file if Pulumi does not know the stack yet."""
    done = process.ask(["pulumi", "config", "--json", "--show-secrets", "--stack", stack.name], quiet=True)
    try:
        entries: dict[str, dict[str, Any]] = json.loads(done.stdout) if done.returncode == 0 else {}
    except ValueError:
        entries = {}
    prefix = f"{NAMESPACE}:"
    ours = {key.removeprefix(prefix): entry for key, entry in entries.items() if key.startswith(prefix)}
    if not ours:
        return of_file(stack.settings())
    return Config(
        {key: str(entry.get("value", "")) for key, entry in ours.items()},
        frozenset(key for key, entry in ours.items() if entry.get("secret")),
    )


def of_app(held: Config, app: str) -> Config:
    """The config as it is for one app: what its entry in ``apps`` says, and else what the stack says."""
    from infra.config import written  # noqa: PLC0415 - late: only commands about several apps ask

    entries = json.loads(held.values.get("apps") or "{}")
    entry = written.as_map(json.dumps(entries.get(app) or {})) or {}
    common = {key: value for key, value in held.values.items() if key != "apps"}
    secret = held.secret | set(entry) if "apps" in held.secret else held.secret
    return Config({**common, **entry, "app": app} if entries else held.values, secret, held.unread)


def mistakes(config: Config, file_text: str, *, unfinished: bool = False) -> list[str]:
    """Every mistake in a config, a line each; those aside that come of a value that could not be read.

    Args:
        config: The values.
        file_text: What the stack's settings file holds, which shows what YAML has read otherwise than it is written.
        unfinished: Whether what a command of ours will set may be missing.
    """
    from infra.config.parse import SettingsError, parse  # noqa: PLC0415 - late: only two commands check a config
    from infra.machines.registry import KINDS  # noqa: PLC0415

    try:
        parse(config.values, KINDS, config.secret, file_text, unfinished=unfinished)
    except SettingsError as error:
        unread = tuple(f"{NAMESPACE}:{key} " for key in config.unread)
        return [line for line in error.problems if not any(key in f"{line} " for key in unread)]
    return []


def words(value: str) -> tuple[str, ...]:
    """The texts of a list as Pulumi holds it."""
    items = json.loads(value or "[]")
    return tuple(str(item) for item in items) if isinstance(items, list) else ()
