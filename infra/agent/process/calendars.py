"""The times of a job as systemd's timers take them. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from itertools import groupby

from infra.protocol.schedules import Schedule

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
EVERY_DAY = frozenset(range(1, 32))
EVERY_WEEKDAY = frozenset(range(7))


def calendars(schedule: Schedule) -> tuple[str, ...]:
    """The values of a timer's ``OnCalendar=``: one, or two where the day of the month or that of the week is enough.

    Source: systemd.time(7).
    """
    if not schedule.either:
        return (_calendar(schedule),)
    by_date = replace(schedule, weekdays=EVERY_WEEKDAY)
    by_weekday = replace(schedule, days=EVERY_DAY)
    return tuple(_calendar(each) for each in (by_date, by_weekday) if each.has_dates())


def _calendar(schedule: Schedule) -> str:
    # systemd's week begins on Monday.
    weekdays = {(day - 1) % 7 for day in schedule.weekdays}
    names = "" if schedule.weekdays == EVERY_WEEKDAY else f"{_list(weekdays, WEEKDAYS)} "
    date = f"*-{_numbers(schedule.months, range(1, 13))}-{_numbers(schedule.days, EVERY_DAY)}"
    return f"{names}{date} {_numbers(schedule.hours, range(24))}:{_numbers(schedule.minutes, range(60))}:00"


def _numbers(numbers: Collection[int], every: Collection[int]) -> str:
    return "*" if len(numbers) == len(every) else _list(numbers, [f"{number:02}" for number in range(60)])


def _list(numbers: Collection[int], names: Collection[str]) -> str:
    """Numbers by their names, three or more in a row as a range."""
    named = list(names)
    runs = [
        [number for _, number in run] for _, run in groupby(enumerate(sorted(numbers)), lambda pair: pair[1] - pair[0])
    ]
    short = [[f"{named[run[0]]}..{named[run[-1]]}"] if len(run) > 2 else [named[each] for each in run] for run in runs]
    return ",".join(text for run in short for text in run)
