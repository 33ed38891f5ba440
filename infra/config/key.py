"""The declaration of a config key: its reader, default, description, and whether it is secret."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import ClassVar, TypeVar

NAMESPACE = "launchpad"

T = TypeVar("T")


@dataclass(frozen=True)
class Key:
    """A key without its name and type, which come from the dataclass field that declares it."""

    reader: Callable[[str], object]
    """Converts the text that Pulumi stores (JSON for structured values) to the typed value; raises ``ValueError``."""

    default: str
    """The text that the key has if it is not set."""

    description: str
    """What the key is for, as shown in the manual, in editors and in Pulumi.yaml."""

    secret: bool
    """Whether the value must be set with ``pulumi config set --secret``."""

    example: str
    """A value as a person would write it; empty if the default or the description already shows one."""

    also: tuple[str, ...]
    """Names that people try instead; an unknown key with such a name gets this key as the suggestion."""


@dataclass(frozen=True, kw_only=True)
class Keys:
    """A group of keys: a frozen dataclass whose fields come from ``key``. The manual prints its docstring."""

    title: ClassVar[str] = ""


def key(
    reader: Callable[[str], T],
    *,
    default: str = "",
    description: str,
    secret: bool = False,
    shown: bool = True,
    example: str = "",
    also: tuple[str, ...] = (),
) -> T:
    """Declare a key, as a field of a ``Keys`` class. A key is declared nowhere else.

    Args:
        reader: Reads the value; its return type is the field's type.
        default: The text of the value if the key is not set; ``reader`` reads it like any other text.
        description: What the key is for, in sentences.
        secret: The value must be encrypted, and appears in no message.
        shown: Whether the ``repr`` of the settings may show the value; it never shows a secret.
        example: A value as a person would write it.
        also: Names that people try instead of this key.

    Returns:
        A dataclass field, typed as the value so that type checkers accept the declaration.
    """
    declared = Key(reader, default, " ".join(description.split()), secret, example, also)
    return field(default_factory=lambda: reader(default), repr=shown and not secret, metadata={NAMESPACE: declared})


def declared(keys: type[Keys]) -> dict[str, Key]:
    """The keys of a class by name, those of its base classes first."""
    return {field.name: field.metadata[NAMESPACE] for field in fields(keys) if NAMESPACE in field.metadata}


def groups(keys: type[Keys]) -> list[type[Keys]]:
    """The classes in a class's MRO that declare keys of their own, the class itself first."""
    return [group for group in keys.__mro__ if issubclass(group, Keys) and own(group)]


def own(keys: type[Keys]) -> dict[str, Key]:
    """The keys that a class itself declares, by name."""
    inherited = {name for base in keys.__bases__ if issubclass(base, Keys) for name in declared(base)}
    return {name: key for name, key in declared(keys).items() if name not in inherited}
