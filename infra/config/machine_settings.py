"""Readers of the keys about the machine itself."""

from __future__ import annotations

from infra.config import readers
from infra.protocol import codec, quantities
from infra.protocol.codec import MessageError
from infra.protocol.machine_settings import LEAST_JOURNAL, LEAST_SWAP, Person
from infra.protocol.machine_settings import window as window_rule
from infra.protocol.refusal import Item, Refusal, WrongItems

AUTO = "auto"
window = readers.stripped(window_rule)


def _size(value: str, least: int, allowed: str) -> str:
    number = quantities.size_in_bytes(int(value) if value.isdecimal() else value)
    if number is None or 0 < number < least:
        raise Refusal(f"{allowed}, at least {quantities.in_words(least)}")
    return value


def journal_size(value: str) -> str:
    """A size of the journal, 0, or auto, in its written form."""
    text = value.strip()
    return text if text == AUTO else _size(text, LEAST_JOURNAL, "auto, 0 or a size such as 500M or 2G")


def swap(value: str) -> str:
    """A size of the swap file, or 0, in its written form."""
    return _size(value.strip(), LEAST_SWAP, "0 or a size such as 512M or 2G")


def people(value: str) -> dict[str, Person]:
    """Read people: a public SSH key, or a list of them, by name."""
    found, wrong = {}, []
    allowed = 'a map of people, such as {"ana": "ssh-ed25519 AAAA..."}'
    for name, item in sorted(readers.json_of(value, dict, allowed).items()):
        try:
            found[name] = codec.parse(Person, {"name": name, "keys": item if isinstance(item, list) else [item]})
        except MessageError as error:
            for mistake in error.mistakes:
                field, must = mistake.partition(": ")[0], mistake.rpartition("must be ")[2]
                wrong.append(Item(name, item, f"under {must}" if field == "name" else must))
    if wrong:
        raise WrongItems(wrong)
    return found
