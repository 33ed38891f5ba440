"""The key that names several apps of one machine; what may stand below each are the keys of an app."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

from infra.config import readers, written
from infra.config.key import Keys, key
from infra.protocol.refusal import Item, WrongItems

ALLOWED = 'a map of keys, such as {"repository": "https://github.com/you/shop.git"}'


def read(value: str) -> dict[str, dict[str, str]]:
    """Read the map of apps: by name the keys that each sets, as texts like those of keys of the stack."""
    entries: dict[str, dict[str, str]] = {}
    wrong = []
    allowed = 'a map of apps, such as {"shop": {"repository": "https://github.com/you/shop.git"}}'
    for name, item in readers.json_of(value, dict, allowed).items():
        keys = {} if item is None else written.as_map(json.dumps(item))
        if keys is None:
            wrong.append(Item(name, item, ALLOWED))
        else:
            entries[name] = keys
    if wrong:
        raise WrongItems(wrong)
    return dict(sorted(entries.items()))


@dataclass(frozen=True, kw_only=True)
class AppsKeys(Keys):
    """Several apps on the stack's machine. Without this key it has one, which the keys of the stack describe."""

    title: ClassVar[str] = "Several apps"

    apps: dict[str, dict[str, str]] = key(
        read,
        default="{}",
        description="""Apps by name, each with keys of its own: every key of an app but `app`, as in `pulumi config set
            --path launchpad:apps.shop.repository ...`. A key that an app does not set has the stack's value. Keys of
            the machine and its firewall are the stack's alone. An app that is taken out of the map is taken off the
            machine.""",
        example='{"shop": {"directory": "shop"}, "blog": {"directory": "blog", "http_port": 8080}}',
        shown=False,  # the texts of secrets may be among them
        also=("applications", "services"),
    )
