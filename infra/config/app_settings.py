"""Readers of the keys about processes, scheduled jobs and static files: maps whose items have rules of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from infra.config import readers
from infra.protocol import codec, schedules
from infra.protocol.app_settings import CronJob, Process, StaticFiles
from infra.protocol.codec import Message, MessageError
from infra.protocol.refusal import Item, Refusal, WrongItems

M = TypeVar("M", bound=Message)

NAMES = ("name", "prefix")
"""The fields that an item's name in its map is."""
OF_PROCESS = ("command", "count", "memory", "stop_timeout")
"""What may be said about a process."""


def _map(value: str, allowed: str, read: Callable[[str, object], M]) -> dict[str, M]:
    """Read a map item by item; each wrong one is reported under its own name."""
    messages: dict[str, M] = {}
    wrong = []
    for name, item in readers.json_of(value, dict, allowed).items():
        try:
            messages[name] = read(name, item)
        except MessageError as error:
            wrong += [_wrong(name, item, mistake) for mistake in error.mistakes]
        except Refusal as refusal:
            wrong.append(Item(name, item, str(refusal)))
    if wrong:
        raise WrongItems(wrong)
    return dict(sorted(messages.items()))


def _wrong(name: str, item: object, mistake: str) -> Item:
    """What is wrong with an item, by the field that the message names, as far as a person has written that field."""
    field, allowed = mistake.partition(": ")[0], mistake.rpartition("must be ")[2]
    if isinstance(item, dict) and field in item:
        return Item(f"{name}.{field}", item[field], allowed)
    return Item(name, item, f"under {allowed}" if field in NAMES else allowed)


def processes(value: str) -> dict[str, Process]:
    """Read processes: a command, false, or a map of command, count, memory and stop_timeout, by name."""
    allowed = 'a map of processes, such as {"worker": "celery -A shop worker"}'
    return _map(value, allowed, _process)


def _process(name: str, item: object) -> Process:
    if item is False:
        return codec.parse(Process, {"name": name, "disabled": True})
    if isinstance(item, str):
        return codec.parse(Process, {"name": name, "command": item.strip()})
    if not isinstance(item, dict) or set(item) - set(OF_PROCESS):
        raise Refusal(f"a command, false, or a map of {', '.join(OF_PROCESS[:-1])} and {OF_PROCESS[-1]}")
    return codec.parse(Process, {**item, "name": name})


def cron(value: str) -> dict[str, CronJob]:
    """Read scheduled jobs: a schedule and a command in one line, or false, by name."""
    allowed = 'a map of jobs, such as {"cleanup": "0 3 * * * python cleanup.py"}'
    return _map(value, allowed, _job)


def _job(name: str, item: object) -> CronJob:
    if item is False:
        return codec.parse(CronJob, {"name": name})
    if not isinstance(item, str):
        raise Refusal(f"{schedules.LINE}, or false")
    schedule, command = schedules.split(item)
    return codec.parse(CronJob, {"name": name, "schedule": schedule, "command": command})


def static(value: str) -> dict[str, StaticFiles]:
    """Read folders of static files by the beginning of their URLs; false leaves the URLs to the app."""
    allowed = 'a map of folders, such as {"/static/": "staticfiles"}'
    return _map(value, allowed, _static)


def _static(prefix: str, item: object) -> StaticFiles:
    if item is False:
        return codec.parse(StaticFiles, {"prefix": prefix})
    if not isinstance(item, str) or not item:
        raise Refusal("a folder, such as staticfiles or $DATA_DIR/media, or false")
    return codec.parse(StaticFiles, {"prefix": prefix, "folder": item})
