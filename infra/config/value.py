"""One key's text read into its value, with what is wrong about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infra.config.key import NAMESPACE, Key
from infra.config.written import Written
from infra.protocol.refusal import WrongItems, shown


def read(name: str, key: Key, held: Written | None, values: dict[str, Any]) -> Iterator[str]:
    """Read a key's value into ``values``, where it is missing if it is wrong; yields the mistakes in it.

    Args:
        name: The key's name in ``values``, and in the messages if it is not set.
        key: Its declaration.
        held: The key as it is set; None for its default.
        values: Typed values by name.
    """
    text = held.text if held else key.default
    place = held.name if held else name
    secret = bool(held and held.secret)
    hidden = secret or key.secret or "PRIVATE KEY" in text
    try:
        values[name] = key.reader(text)
    except WrongItems as wrong:
        for item in wrong.items:
            yield f"{NAMESPACE}:{place}.{item.name} is {shown(item.value, hidden=hidden)}; it must be {item.allowed}"
    except ValueError as allowed:
        yield f"{NAMESPACE}:{place} is {shown(text, hidden=hidden)}; it must be {allowed}"
    if key.secret and text not in ("", key.default) and not secret:
        path = "--path " if held and held.in_map else ""
        command = f"pulumi config set --secret {path}{NAMESPACE}:{place}" if path else "pulumi config set --secret"
        yield f"{NAMESPACE}:{place} is stored unencrypted; set it again with: {command}"
