"""Converts typed messages to JSON objects and back; reports all mistakes of a malformed message at once.

A message is a frozen dataclass. Each of its fields is declared with ``value`` and the rule that reads it, so that the
sender and the receiver share one declaration.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, TypeVar

from infra.protocol.refusal import Refusal, WrongItems, shown

SCHEMA = 2
"""The version of all messages. The receiver rejects any other."""

EMPTY: dict[object, object] = {"str": "", "int": 0, "float": 0.0, "bool": False}
"""Placeholders for missing or rejected required values, by annotation, while the remaining fields are checked."""


class Message:
    """Base class of everything that the codec reads and writes."""

    TITLE: ClassVar[str] = "The message"
    """The message's name in error messages, where it starts a sentence."""

    def mistakes(self) -> Iterable[tuple[str, str]]:
        """Mistakes that involve several fields: pairs of a key ("" for the whole message) and what is wrong with it."""
        return ()


M = TypeVar("M", bound=Message)


class MessageError(Exception):
    """A malformed message; ``mistakes`` holds one line for each mistake."""

    def __init__(self, title: str, mistakes: list[str]) -> None:
        super().__init__("\n".join([f"{title} is not right:", *(f"  {mistake}" for mistake in mistakes)]))
        self.mistakes = mistakes


def value(
    rule: Callable[[Any], Any] | type[Message] | Each,
    default: Any = dataclasses.MISSING,
    *,
    secret: bool = False,
    repr: bool = True,
    write: Callable[[Any], object] | None = None,
) -> Any:
    """Declare a field of a message.

    Args:
        rule: Reads the JSON value and returns the typed one, or raises ``Refusal``. For an inner message, its class;
            for a list of them, ``each`` of it.
        default: The typed value when the key is missing or null. Without one the key is required.
        secret: Whether the value stays out of error messages and ``repr``.
        repr: Whether ``repr`` shows the value, unless it is secret.
        write: Converts a typed value to JSON, if it is neither plain nor a tuple of plain values.
    """
    metadata = {"rule": rule, "secret": secret, "write": write}
    return dataclasses.field(default=default, repr=repr and not secret, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class Each:
    """The rule of a list of messages."""

    cls: type[Message]


def each(cls: type[Message]) -> Each:
    """The rule of a list of messages of one class; its typed value is a tuple."""
    return Each(cls)


def dump(message: Message) -> dict[str, object]:
    """The JSON object of a message, ready for ``load`` on the other side."""
    return {"schema": SCHEMA, **plain(message)}


def plain(message: Message) -> dict[str, object]:
    """The JSON object of a message, without a schema, ready for ``parse``."""
    return {
        field.name: (field.metadata["write"] or _plain)(getattr(message, field.name))
        for field in dataclasses.fields(message)  # type: ignore[arg-type]
    }


def text(message: Message) -> str:
    """The JSON text of a message; equal messages have equal texts."""
    return json.dumps(dump(message), sort_keys=True)


def load(cls: type[M], data: object) -> M:
    """Read a message from a JSON object.

    Args:
        cls: The class of the message.
        data: The JSON object, with its schema.

    Raises:
        MessageError: With every mistake, including unknown keys, but without secret values.
    """
    if not isinstance(data, dict):
        return _whole(cls, data, [])
    fields = {key: item for key, item in data.items() if key != "schema"}
    schema = data.get("schema")
    wrong = [] if schema == SCHEMA else [f"schema: is {schema!r}; this program knows schema {SCHEMA}"]
    return _whole(cls, fields, wrong)


def parse(cls: type[M], data: object) -> M:
    """Read a message as ``load`` does, from an object without a schema."""
    return _whole(cls, data, [])


def kind(value: object) -> str:
    """The type of a JSON value, for messages."""
    names: dict[type, str] = {
        dict: "an object",
        list: "a list",
        str: "text",
        bool: "true or false",
        type(None): "null",
    }
    return names.get(type(value), "a number")


def _plain(value: object) -> object:
    if isinstance(value, Message):
        return plain(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _whole(cls: type[M], data: object, mistakes: list[str]) -> M:
    message = _object(cls, data, "", mistakes)
    if mistakes:
        raise MessageError(cls.TITLE, mistakes)
    return message


def _object(cls: type[M], data: object, where: str, mistakes: list[str]) -> M:
    """Read one message; a wrong value adds a mistake and is replaced by its default."""
    if not isinstance(data, dict):
        mistakes.append(f"{where or 'the message'}: must be an object, not {kind(data)}")
        return _object(cls, {}, where, [])
    known = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    read = {name: _value(field, data.get(name), _path(where, name), mistakes) for name, field in known.items()}
    message = cls(**read)
    mistakes += [f"{_path(where, key) or 'the message'}: {what}" for key, what in message.mistakes()]
    mistakes += [
        f"{_path(where, key)}: is not a known key; known: {', '.join(sorted(known))}"
        for key in sorted(set(data) - set(known))
    ]
    return message


def _value(field: dataclasses.Field[Any], given: object, name: str, mistakes: list[str]) -> object:
    rule, hidden = field.metadata["rule"], field.metadata["secret"]
    missing = field.default is dataclasses.MISSING
    if isinstance(rule, type) and issubclass(rule, Message) and (given is not None or missing):
        return _object(rule, {} if given is None else given, name, mistakes)
    if given is None and missing:
        mistakes.append(f"{name}: is missing")
    elif isinstance(rule, Each) and given is not None:
        return _list(rule, given, name, mistakes)
    elif given is not None:
        try:
            return rule(given)
        except WrongItems as wrong:
            mistakes += [_mistake(f"{name}.{item.name}", item.value, item.allowed, hidden) for item in wrong.items]
        except Refusal as refusal:
            mistakes.append(_mistake(name, given, str(refusal), hidden))
    return EMPTY.get(field.type) if missing else field.default


def _list(rule: Each, given: object, name: str, mistakes: list[str]) -> tuple[Message, ...]:
    if not isinstance(given, list):
        mistakes.append(f"{name}: must be a list, not {kind(given)}")
        return ()
    return tuple(_object(rule.cls, item, f"{name}[{number}]", mistakes) for number, item in enumerate(given))


def _mistake(name: str, value: object, allowed: str, hidden: bool) -> str:
    hidden = hidden or "PRIVATE KEY" in str(value)
    return f"{name}: is {shown(value, hidden=hidden)}; it must be {allowed}"


def _path(*parts: str) -> str:
    return ".".join(part for part in parts if part)
