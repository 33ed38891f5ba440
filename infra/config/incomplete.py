"""Settings with some keys missing because their values are invalid: checks of the other keys can still run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from infra.config.key import Keys

K = TypeVar("K", bound=Keys)


class Unread(Exception):
    """A check read a key whose value is invalid; that mistake is already reported."""


def incomplete(keys: type[K], values: Mapping[str, Any]) -> K:
    """Build an instance of ``keys`` from the values at hand.

    Args:
        keys: The class that declares the keys.
        values: Typed values by field name; some fields may be missing.

    Returns:
        An ordinary instance if every field has a value. Otherwise a partial one, which raises ``Unread`` when a
        missing field is read.
    """
    if {field.name for field in fields(keys)} <= set(values):
        return keys(**values)
    partial = type(keys.__name__, (keys,), {"__getattr__": _unread})
    instance: K = object.__new__(partial)
    vars(instance).update(values)
    return instance


def _unread(_keys: Keys, name: str) -> Any:
    raise Unread(name)
