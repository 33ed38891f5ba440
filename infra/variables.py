"""Reader of the app's environment: each variable is checked by itself and reported by its own name."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from infra import values

ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
RESERVED_ENV = ("PORT", "HOST", "DATA_DIR", "PATH", "VIRTUAL_ENV", "CREDENTIALS_DIRECTORY")
"""Variables that Launchpad sets itself; so are all that begin with LAUNCHPAD_. infra/host/spec.py has the same."""
LONGEST_VARIABLE = 131_000
MOST_VARIABLES = 400_000
"""Bytes of one variable and of all; infra/host/spec.py has the same and says why."""


@dataclass(frozen=True)
class Item:
    """One wrong item of a map: its name, its value, and what is allowed (follows "must be")."""

    name: str
    value: object
    allowed: str


class WrongItems(ValueError):
    """Items of a map that are wrong, each to be reported by its own name."""

    def __init__(self, items: list[Item]) -> None:
        super().__init__(", ".join(item.name for item in items))
        self.items = items


def environment(value: str) -> dict[str, str]:
    """A map of environment variables; numbers and booleans become text as they are written."""
    # Read as a number, 0.00001 would come out as 1e-05.
    data = values.json_of(
        value, dict, "a map of variables, such as launchpad:env.DEBUG", parse_float=str, parse_int=str
    )
    wrong = [Item(name, item, allowed) for name, item in data.items() if (allowed := _variable(name, item))]
    if wrong:
        raise WrongItems(wrong)
    found = {name: item if isinstance(item, str) else json.dumps(item) for name, item in sorted(data.items())}
    if len(json.dumps(found)) > MOST_VARIABLES:
        raise ValueError(f"a map of at most {MOST_VARIABLES} bytes in all, as systemd hands over no more")
    return found


def _variable(name: str, item: object) -> str:
    """What is allowed instead of a variable; empty where it is right."""
    if not ENV_NAME.fullmatch(name):
        return "named with letters, digits and _, no digit first"
    if name in RESERVED_ENV or name.startswith("LAUNCHPAD_"):
        return f"left out, because Launchpad sets {name} itself; give the app's own variable another name"
    if not isinstance(item, str | bool):
        return "text, a number, true or false"
    return _carried(f"{name}={item}")


def _carried(variable: str) -> str:
    """What is allowed instead of a variable that Linux cannot carry; empty where it can."""
    if "\0" in variable:
        return "text without zero bytes, which no variable can carry"
    if any("\ud800" <= letter <= "\udfff" for letter in variable):
        return "whole characters; it has half a surrogate pair"
    if len(variable.encode()) > LONGEST_VARIABLE:
        return f"of at most {LONGEST_VARIABLE} bytes with its name, which is what Linux takes"
    return ""
