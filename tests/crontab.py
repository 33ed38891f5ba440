"""What a schedule of cron means, written apart from the product: the oracle of its tests.

It knows numbers, *, ranges, lists and steps, and tries one day after another.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from itertools import islice


@cache
def numbers(field: str, low: int, high: int) -> frozenset[int]:
    """The numbers of a field, each one asked whether a part of the field has it."""
    parts = field.split(",")
    return frozenset(number for number in range(low, high + 1) if any(_has(part, number, low, high) for part in parts))


def _has(part: str, number: int, low: int, high: int) -> bool:
    span, _, step = part.partition("/")
    first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
    begin, end = int(first), int(last or first)
    return begin <= number <= end and (number - begin) % int(step or 1) == 0


def is_day(schedule: str, day: datetime) -> bool:
    """Whether a schedule runs at all on a day."""
    _, _, date, month, weekday = schedule.split()
    by_date = day.day in numbers(date, 1, 31)
    by_weekday = day.isoweekday() in {number or 7 for number in numbers(weekday, 0, 7)}
    both = date.startswith("*") or weekday.startswith("*")
    return day.month in numbers(month, 1, 12) and (by_date and by_weekday if both else by_date or by_weekday)


def upcoming(schedule: str, after: datetime) -> Iterator[datetime]:
    """The times after a time, in order."""
    minute, hour, *_ = schedule.split()
    times = [(h, m) for h in sorted(numbers(hour, 0, 23)) for m in sorted(numbers(minute, 0, 59))]
    day = after.replace(hour=0, minute=0, second=0, microsecond=0)
    while day.year < after.year + 50:
        if is_day(schedule, day):
            yield from (when for h, m in times if (when := day.replace(hour=h, minute=m)) > after)
        day += timedelta(days=1)


def first(schedule: str, after: datetime, count: int) -> list[datetime]:
    """The first times after a time."""
    return list(islice(upcoming(schedule, after), count))
