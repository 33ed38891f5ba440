"""Tables of TOML and JSON files: what people and tools write, of any shape."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Mapping, Sequence

from infra.app_model.files import AppError

Table = Mapping[str, object]


@functools.lru_cache(maxsize=16)
def toml(name: str, text: str) -> Table:
    """The content of a TOML file, which is parsed once however often it is asked for.

    Args:
        name: The file's name, for messages.
        text: Its text.

    Raises:
        AppError: It is not TOML.
    """
    # Late: on a machine with Python 3.10 prepare installs the package that has it, and runs without.
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415
    else:
        import tomli as tomllib  # noqa: PLC0415
    try:
        content: Table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise AppError(f"{name} is not TOML: {error}") from error
    return content


@functools.lru_cache(maxsize=4)
def loads(name: str, text: str) -> Table:
    """The object in a JSON file. Arguments as in ``toml``.

    Raises:
        AppError: It is not JSON, or no object.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AppError(f"{name} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise AppError(f"{name} is not right: it must be an object, not {type(value).__name__}")
    return value


def table(value: Table, *names: str, file: str = "pyproject.toml") -> Table:
    """The table at a path of names; empty if there is none.

    Raises:
        AppError: Something else is there.
    """
    for depth, name in enumerate(names, 1):
        inner = value.get(name, {})
        if not isinstance(inner, dict):
            raise AppError(f"{file}: {'.'.join(names[:depth])} must be a table, not {type(inner).__name__}")
        value = inner
    return value


def tables(value: Table, name: str) -> list[Table]:
    """The tables in a list; what is no table is left out."""
    items = value.get(name)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def strings(value: object) -> list[str]:
    """The texts in a list; a single text is a list of one."""
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, Sequence) else []
