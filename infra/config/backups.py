"""Readers of the keys about backups."""

from __future__ import annotations

from infra.config import readers
from infra.protocol import backups, codec, schedules
from infra.protocol.backups import Keep
from infra.protocol.codec import MessageError
from infra.protocol.refusal import Item, Refusal, WrongItems

repository = readers.stripped(backups.repository)


def schedule(value: str) -> str:
    """A schedule as cron has it."""
    text = " ".join(value.split())
    if not text:
        raise Refusal(f"a schedule such as {schedules.EXAMPLE} or @daily")
    return schedules.schedule(text)


def keep(value: str) -> dict[str, int]:
    """How many backups stay, by period."""
    allowed = 'a map such as {"daily": 7, "weekly": 5, "monthly": 12}, or {}'
    given = readers.json_of(value, dict, allowed)
    try:
        return codec.parse(Keep, given).counts()
    except MessageError as error:
        wrong = [mistake.partition(": ")[0] for mistake in error.mistakes]
        known = "one of last, hourly, daily, weekly, monthly, yearly, with a number from 0 to 10000"
        raise WrongItems([Item(name, given.get(name), known) for name in wrong]) from None
