"""Reader of the app's environment: what YAML reads as a number or a boolean becomes text again."""

from __future__ import annotations

import json

from infra.config import readers
from infra.protocol import variables
from infra.protocol.refusal import Item, WrongItems


def environment(value: str) -> dict[str, str]:
    """Read a map of environment variables; numbers and booleans become text in their written form.

    Raises:
        WrongItems: With every variable that is wrong.
        Refusal: The value is not a map, or is too large.
        ValueError: The value is not JSON.
    """
    # Numbers stay text: parsed, 0.00001 would become 1e-05.
    data = readers.json_of(
        value, dict, "a map of variables, such as launchpad:env.DEBUG", parse_float=str, parse_int=str
    )
    texts = {name: json.dumps(item) if isinstance(item, bool) else item for name, item in data.items()}
    wrong = [Item(name, data[name], allowed) for name, item in texts.items() if (allowed := _unusable(name, item))]
    if wrong:
        raise WrongItems(wrong)
    return dict(variables.variables(texts))


def _unusable(name: str, item: object) -> str:
    """What is allowed instead of this variable; empty if it is valid."""
    if isinstance(item, str):
        return variables.unusable(name, item)
    return variables.unusable(name, "") or "text, a number, true or false"
