"""The times of a job as systemd takes them: by exact value, and against an oracle that knows nothing of the parser.

tests/agent/test_cron.py compares the same oracle with systemd's own calculation.
"""

import re
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.agent.process.calendars import calendars
from infra.protocol import schedules
from infra.protocol.refusal import Refusal
from tests import crontab


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("* * * * *", ["*-*-* *:*:00"]),
        ("0 3 * * *", ["*-*-* 03:00:00"]),
        ("*/20 * * * *", ["*-*-* *:00,20,40:00"]),
        ("5,6 1-3 * * *", ["*-*-* 01..03:05,06:00"]),
        ("0 9-17,20 * * 1-5", ["Mon..Fri *-*-* 09..17,20:00:00"]),
        ("0 0 * * 0", ["Sun *-*-* 00:00:00"]),
        ("0 0 * * 5-7", ["Fri..Sun *-*-* 00:00:00"]),
        ("0 0 * * SUN-MON,3", ["Mon,Wed,Sun *-*-* 00:00:00"]),
        ("30 4 1,15 * *", ["*-*-01,15 04:30:00"]),
        ("30 4 1,15 * 5", ["*-*-01,15 04:30:00", "Fri *-*-* 04:30:00"]),
        ("30 4 1 1,6-9 1,2", ["*-01,06..09-01 04:30:00", "Mon,Tue *-01,06..09-* 04:30:00"]),
        ("0 0 */10 * 1", ["Mon *-*-01,11,21,31 00:00:00"]),
        ("0 0 30 2 1", ["Mon *-02-* 00:00:00"]),
        ("0 0 29 2 *", ["*-02-29 00:00:00"]),
        ("@yearly", ["*-01-01 00:00:00"]),
        ("@weekly", ["Sun *-*-* 00:00:00"]),
        ("@hourly", ["*-*-* *:00:00"]),
    ],
)
def test_a_schedule_for_systemd(schedule: str, expected: list[str]) -> None:
    assert list(calendars(schedules.parse(schedule))) == expected


def test_a_sunday_ends_a_range_and_begins_one() -> None:
    assert schedules.parse("0 0 * * SUN-MON").weekdays == {0, 1}
    assert schedules.parse("0 0 * * SAT-SUN").weekdays == {6, 0}


def field(low: int, high: int) -> st.SearchStrategy[str]:
    """A field of numbers, ranges, lists and steps."""
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    step = st.integers(1, high)
    stepped = st.tuples(st.one_of(st.just("*"), span), step).map(lambda pair: f"{pair[0]}/{pair[1]}")
    part = st.one_of(st.just("*"), number.map(str), span, stepped)
    return st.lists(part, min_size=1, max_size=3).map(",".join)


SCHEDULES = st.tuples(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7)).map(" ".join)
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


def systemd_has(calendar: str, when: datetime) -> bool:
    """Whether a time is one of an ``OnCalendar=`` of the form that we write (systemd.time(7))."""
    match = re.fullmatch(r"(?:(\S+) )?\*-(\S+)-(\S+) (\S+):(\S+):00", calendar)
    assert match, calendar
    weekdays, *rest = match.groups()
    names = [WEEKDAYS, *[[f"{number:02}" for number in range(60)]] * 4]
    actual = [when.weekday(), when.month, when.day, when.hour, when.minute]
    return all(
        listed in (None, "*") or any(_within(part, name, number) for part in listed.split(","))
        for listed, name, number in zip([weekdays, *rest], names, actual, strict=True)
    )


def _within(part: str, names: list[str], number: int) -> bool:
    first, _, last = part.partition("..")
    return names.index(first) <= number <= names.index(last or first)


@given(SCHEDULES, st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), st.data())
def test_systemd_gets_the_times_of_cron_and_no_others(schedule: str, start: datetime, data: st.DataObject) -> None:
    coming = crontab.upcoming(schedule, start)
    first = next(coming, None)
    try:
        found = calendars(schedules.parse(schedule))
    except Refusal as refusal:
        assert (first, str(refusal)) == (None, "a schedule whose day of month exists in its month")
        return
    assert first is not None
    for when in [first, *(each for _, each in zip(range(3), coming, strict=False))]:
        assert any(systemd_has(each, when) for each in found)
    for _ in range(3):
        when = start.replace(second=0, microsecond=0) + timedelta(minutes=data.draw(st.integers(0, 600_000)))
        wanted = next(crontab.upcoming(schedule, when - timedelta(minutes=1)), None) == when
        assert any(systemd_has(each, when) for each in found) == wanted
